// Drives the example through the published Node client, as a back end that has never heard
// of this library would. The environment says where it is and who signs in; any surprise
// ends the process with a code other than 0.
const assert = require('node:assert/strict');
const { HttpClient, FronteggAuthenticator, FronteggContext, IdentityClient, withAuthentication } = require('@frontegg/client');

const { FRONTEGG_API_GATEWAY_URL: baseURL, FRONTEGG_CLIENT_ID, FRONTEGG_API_KEY, ADMIN_TOKEN, VIEWER_TOKEN, TENANT } = process.env;
FronteggContext.init({ FRONTEGG_CLIENT_ID, FRONTEGG_API_KEY });

const status = (want) => (error) => {
  assert.equal(error.statusCode ?? error.response?.status, want, String(error));
  return true;
};

// guarded runs the client's middleware for one request and answers the status it refused
// with, or the user it let through.
async function guarded(options, authorization) {
  const req = { header: (name) => (name === 'authorization' ? authorization : undefined) };
  let refused;
  const res = { status: (code) => { refused = code; return { send() {} }; } };
  await withAuthentication(options)(req, res, () => {});
  return refused ?? req.frontegg.user;
}

async function tokens() {
  const identity = IdentityClient.getInstance();
  const admin = await identity.validateIdentityOnToken('Bearer ' + ADMIN_TOKEN, { roles: ['admin'], permissions: ['reports.approve'] });
  assert.equal(admin.type, 'userToken');
  assert.equal(admin.tenantId, TENANT);
  assert.deepEqual(admin.tenantIds, [TENANT]);
  assert.equal(admin.email, 'admin@acme.example');

  await identity.validateIdentityOnToken(VIEWER_TOKEN, { permissions: ['reports.read'] });
  await assert.rejects(identity.validateToken(VIEWER_TOKEN, { permissions: ['reports.create'] }), status(403));
  await assert.rejects(identity.validateToken(VIEWER_TOKEN, { roles: ['admin'] }), status(403));
  const [header, claims] = VIEWER_TOKEN.split('.');
  const [, , signature] = ADMIN_TOKEN.split('.');
  await assert.rejects(identity.validateToken([header, claims, signature].join('.')), status(401));

  assert.equal((await guarded({ permissions: ['reports.read'] }, 'Bearer ' + VIEWER_TOKEN)).id.length, 36);
  assert.equal(await guarded({ permissions: ['reports.create'] }, 'Bearer ' + VIEWER_TOKEN), 403);
  assert.equal(await guarded({}, 'Bearer nonsense'), 401);
  assert.equal(await guarded({}, undefined), 401);
}

async function management() {
  const authenticator = new FronteggAuthenticator();
  await authenticator.init(FRONTEGG_CLIENT_ID, FRONTEGG_API_KEY);
  const http = new HttpClient(authenticator, { baseURL });
  const identity = '/identity/resources';

  const { data: [permission] } = await http.post(identity + '/permissions/v1', [{ key: 'client.check', name: 'Check a client' }]);
  assert.equal(permission.key, 'client.check');
  const { data: [role] } = await http.post(identity + '/roles/v1', [{ key: 'client-checker', name: 'Checker', level: 5 }], { 'frontegg-tenant-id': TENANT });
  assert.equal(role.tenantId, TENANT);
  const { data: given } = await http.put(`${identity}/roles/v1/${role.id}/permissions`, { permissionIds: [permission.id] }, { 'frontegg-tenant-id': TENANT });
  assert.deepEqual(given.permissions, [permission.id]);
  const { data: roles } = await http.get(identity + '/roles/v1', { 'frontegg-tenant-id': TENANT });
  assert.ok(roles.some((r) => r.key === 'client-checker'));
  await assert.rejects(http.post(identity + '/permissions/v1', [{ key: 'client.check', name: 'Again' }]), status(409));
  await assert.rejects(http.patch(identity + '/roles/v1/' + role.id, { level: -1 }, { 'frontegg-tenant-id': TENANT }), (error) => {
    assert.ok(Array.isArray(error.response.data.errors), 'the errors are a list');
    return status(400)(error);
  });
  await http.delete(identity + '/roles/v1/' + role.id, { 'frontegg-tenant-id': TENANT });
  await http.delete(identity + '/permissions/v1/' + permission.id);

  const { data: tenant } = await http.post('/tenants/resources/tenants/v1/', { name: 'Client check' });
  assert.equal(tenant.name, 'Client check');
  await http.delete('/tenants/resources/tenants/v1/' + tenant.tenantId);
  await authenticator.shutdown();
}

tokens().then(management).then(
  () => process.exit(0),
  (error) => { console.error(error.response?.data ?? '', error); process.exit(1); },
);
