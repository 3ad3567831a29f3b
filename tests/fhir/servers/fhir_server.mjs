// A FHIR R4 server in memory: Medplum's router, batch engine, search and validation behind node's http(s).
// node fhir_server.mjs NODE_MODULES [--validate] [--jwks URL --uses N] [--tls CERT KEY CLIENT_CA]
// Prints its base URL when it listens. Ours are only: the socket, one request at a time, rollback, tokens, /dump, /clear.
import { createPublicKey, randomUUID, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import path from 'node:path';

globalThis.WebSocket ??= class {}; // newer versions of Medplum's core expect node 22, which has it

const [modules, ...flags] = process.argv.slice(2);
const load = createRequire(path.join(modules, 'x.js'));
const core = load('@medplum/core');
const { FhirRepository, FhirRouter, MemoryRepository } = load('@medplum/fhir-router');
const definitions = path.join(modules, '@medplum', 'definitions', 'dist', 'fhir', 'r4');
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const option = (name, places = 1) => {
  const at = flags.indexOf(name);
  return at < 0 ? undefined : flags.slice(at + 1, at + 1 + places);
};
const validating = flags.includes('--validate');

core.indexStructureDefinitionBundle(read(path.join(definitions, 'profiles-types.json')));
core.indexStructureDefinitionBundle(read(path.join(definitions, 'profiles-resources.json')));
core.indexSearchParameterBundle(read(path.join(definitions, 'search-parameters.json')));

// The memory repository has no rollback and no index: what a failed transaction wrote is put back, and a search by
// identifier is done by Medplum on the resources that ever had the identifier.
class Repository extends MemoryRepository {
  identified = new Map();

  async createResource(resource, ...more) {
    if (validating) {
      core.validateResource(resource);
    }
    const id = resource.id ?? this.generateId();
    const before = this.resources.get(resource.resourceType)?.get(id);
    this.journal?.push([resource.resourceType, id, before]);
    for (const { system, value } of [resource.identifier ?? []].flat()) {
      const key = `${resource.resourceType}|${system}|${value}`;
      this.identified.set(key, (this.identified.get(key) ?? new Set()).add(id));
    }
    return super.createResource({ ...resource, id }, ...more);
  }

  conditionalCreate(...given) {
    return FhirRepository.prototype.conditionalCreate.apply(this, given); // newer memory ones go past createResource
  }

  async search(request) {
    const { resourceType, filters } = request;
    const token = filters?.find((filter) => filter.code === 'identifier')?.value;
    if (!token) {
      return super.search(request);
    }
    const stored = this.resources.get(resourceType) ?? new Map();
    const ids = [...(this.identified.get(`${resourceType}|${token}`) ?? [])].filter((id) => stored.has(id));
    const narrowed = new MemoryRepository();
    narrowed.resources.set(resourceType, new Map(ids.map((id) => [id, stored.get(id)])));
    return narrowed.search(request);
  }

  async withTransaction(work) {
    if (this.journal) {
      return work(this);
    }
    this.journal = [];
    try {
      return await work(this);
    } catch (error) {
      this.undo(this.journal.reverse());
      throw error;
    } finally {
      this.journal = undefined;
    }
  }

  undo(journal) {
    for (const [type, id, before] of journal) {
      this.history.get(type)?.get(id)?.pop();
      if (before) {
        this.resources.get(type).set(id, before);
      } else {
        this.resources.get(type)?.delete(id);
      }
    }
  }

  dump() {
    const plain = (map) => [...map.values()].flatMap((items) => [...items.values()]);
    return { resources: plain(this.resources), history: plain(this.history) };
  }
}

const router = new FhirRouter();
const repository = new Repository();
let turn = Promise.resolve();

// Tokens of SMART Backend Services: a signed assertion, checked with node's own crypto against the client's JWKS.
const [jwksUrl] = option('--jwks') ?? [];
const uses = Number(option('--uses')?.[0] ?? 1e9);
const tokens = new Map();
const seen = new Set();
let jwks = []; // fetched once and kept, as servers do

async function claimsOf(assertion, audience) {
  const [head, body, signature] = assertion.split('.');
  const header = JSON.parse(Buffer.from(head, 'base64url'));
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  if (jwks.length === 0) {
    jwks = (await (await fetch(jwksUrl)).json()).keys;
  }
  const jwk = jwks.find((key) => key.kid === header.kid);
  if (!jwk || !['RS384', 'ES384'].includes(header.alg) || jwk.kty !== (header.alg === 'RS384' ? 'RSA' : 'EC')) {
    throw new Error('unknown key');
  }
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  const now = Date.now() / 1000;
  const sound =
    verify('sha384', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')) &&
    claims.iss === claims.sub && claims.aud === audience && claims.exp > now && claims.exp <= now + 300 &&
    !seen.has(claims.jti);
  if (!sound) {
    throw new Error('unsound assertion');
  }
  seen.add(claims.jti);
  return claims;
}

async function issueToken(form, audience) {
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  if (form.get('grant_type') !== 'client_credentials' || form.get('client_assertion_type') !== type) {
    return [400, { error: 'invalid_request' }];
  }
  try {
    await claimsOf(form.get('client_assertion'), audience);
  } catch {
    return [401, { error: 'invalid_client' }];
  }
  const token = randomUUID();
  tokens.set(token, uses);
  return [200, { access_token: token, token_type: 'bearer', expires_in: 300, scope: form.get('scope') }];
}

function admitted(headers) {
  const token = (headers.authorization ?? '').replace(/^Bearer /, '');
  const left = tokens.get(token) ?? 0;
  tokens.set(token, left - 1);
  return left > 0;
}

async function answerFhir(request, url, raw) {
  const form = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  const call = {
    method: request.method,
    url: url.replace(/^\//, ''),
    pathname: '',
    params: {},
    query: {},
    body: form ? Object.fromEntries(new URLSearchParams(raw)) : raw ? JSON.parse(raw) : undefined,
    headers: request.headers,
    config: { transactions: true },
  };
  const [outcome, resource] = await router.handleRequest(call, repository);
  const status = core.getStatus(outcome);
  const headers = {};
  if (resource?.meta?.versionId) {
    headers.ETag = `W/"${resource.meta.versionId}"`;
    headers.Location = `${base}/${resource.resourceType}/${resource.id}/_history/${resource.meta.versionId}`;
  }
  return [status, resource ?? outcome, headers];
}

async function answer(request, raw) {
  const { pathname, search } = new URL(request.url, 'http://x');
  const own = base.replace(/\/fhir$/, '');
  if (pathname === '/dump') {
    return [200, repository.dump()];
  }
  if (pathname === '/clear') {
    repository.clear();
    tokens.clear();
    jwks = [];
    return [200, {}];
  }
  if (pathname === '/fhir/.well-known/smart-configuration') {
    return [200, { token_endpoint: `${own}/token` }];
  }
  if (pathname === '/token') {
    return issueToken(new URLSearchParams(raw), `${own}/token`);
  }
  if (jwksUrl && !admitted(request.headers)) {
    return [401, core.unauthorized];
  }
  return answerFhir(request, pathname.replace(/^\/fhir/, '') + search, raw);
}

async function handle(request, response) {
  const parts = [];
  for await (const part of request) {
    parts.push(part);
  }
  const raw = Buffer.concat(parts).toString('utf8');
  const mine = turn.then(() => answer(request, raw));
  turn = mine.catch(() => undefined);
  const [status, body, headers] = await mine.catch((error) => {
    return [500, core.badRequest(String(error.name))];
  });
  const type = { 'Content-Type': 'application/fhir+json' };
  response.writeHead(status, { ...type, ...headers }).end(JSON.stringify(body));
}

const tls = option('--tls', 3)?.map((file) => readFileSync(file));
const server = tls
  ? https.createServer({ cert: tls[0], key: tls[1], ca: tls[2], requestCert: true, rejectUnauthorized: true }, handle)
  : http.createServer(handle);
let base;
server.listen(0, '127.0.0.1', () => {
  base = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}/fhir`;
  console.log(base);
});
