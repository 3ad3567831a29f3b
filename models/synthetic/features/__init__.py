"""What a patient may have beside a plan, asked for by name: contrast phase, metal, uptake without disease, variants."""
