import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isInsecure } from '../../src/registry/hosts.ts';
import { loadRegistryConfig, type RegistryConfigSources } from '../../src/registry/load-config.ts';
import type { RegistryOptions } from '../../src/registry/options.ts';
import { temporaryFolder } from '../store/temporary-folder.ts';

/** Loads the configuration of a home folder that has these files. */
async function load(t: TestContext, files: Readonly<Record<string, string | object>>, env: RegistryConfigSources['env'] = {}): Promise<RegistryOptions> {
  const home = temporaryFolder(t);
  for (const [name, content] of Object.entries(files)) {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    if (name.startsWith('bin/')) chmodSync(path, 0o755);
  }
  return loadRegistryConfig({
    env: { PATH: `${home}/bin:/usr/bin:/bin`, HOME: home, ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.replace('HOME', home)])) },
    homeDir: home,
    certsDirs: [join(home, 'certs.d')],
    daemonConfigs: [join(home, 'daemon.json')],
    systemBundles: [join(home, 'bundle.pem')],
  });
}

const basic = (username: string, password: string) => ({ kind: 'basic', username, password }) as const;

test('logins are read in every form that Docker writes', async (t) => {
  const { credentials } = await load(t, {
    '.docker/config.json': {
      auths: {
        'https://index.docker.io/v1/': { auth: btoa('hub:pass:word') },
        'quay.io': { username: 'u', password: 'p' },
        'https://ghcr.io/v2/': { auth: btoa('g:h') },
        'id.test': { auth: btoa('x:y'), identitytoken: 'idtok' },
        'reg.test:5000': { registrytoken: 'regtok' },
        'empty.test': {},
        'broken.test': { auth: '!!' },
      },
    },
  });
  assert.deepEqual(await credentials('docker.io'), basic('hub', 'pass:word'));
  assert.deepEqual(await credentials('quay.io'), basic('u', 'p'));
  assert.deepEqual(await credentials('ghcr.io'), basic('g', 'h'));
  assert.deepEqual(await credentials('id.test'), { kind: 'identity-token', token: 'idtok' });
  assert.deepEqual(await credentials('reg.test:5000'), { kind: 'registry-token', token: 'regtok' });
  for (const none of ['empty.test', 'broken.test', 'other.test', '__proto__']) assert.equal(await credentials(none), null);
});

const helper = `#!/bin/sh
[ "$1" = get ] || exit 9
read -r url
case "$url" in
  https://index.docker.io/v1/) echo '{"ServerURL":"x","Username":"helped","Secret":"s1"}' ;;
  token.test) echo '{"Username":"<token>","Secret":"s2"}' ;;
  none.test|file.test) echo 'credentials not found in native keychain'; exit 1 ;;
  text.test) echo 'secret s3 in no JSON' ;;
  *) echo 'secret s4'; exit 3 ;;
esac
`;

test('credential helpers are asked, and nothing that they print gets into an error', async (t) => {
  const { credentials } = await load(t, {
    'bin/docker-credential-store': helper,
    'bin/docker-credential-own': '#!/bin/sh\ncat >/dev/null; echo \'{"Username":"own","Secret":"s5"}\'',
    '.docker/config.json': { credsStore: 'store', credHelpers: { 'own.test': 'own', 'gone.test': 'gone', 'evil.test': '../evil' }, auths: { 'file.test': { auth: btoa('a:b') } } },
  });
  assert.deepEqual(await credentials('docker.io'), basic('helped', 's1'));
  assert.deepEqual(await credentials('own.test'), basic('own', 's5'));
  assert.deepEqual(await credentials('token.test'), { kind: 'identity-token', token: 's2' });
  assert.equal(await credentials('none.test'), null);
  assert.deepEqual(await credentials('file.test'), basic('a', 'b'));
  for (const [registry, cause] of [['text.test', 'not JSON'], ['fail.test', 'exit code 3'], ['gone.test', 'not installed'], ['evil.test', 'its name']] as const) {
    await assert.rejects(credentials(registry), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CREDENTIAL_HELPER');
      assert.match(error.message, new RegExp(cause));
      assert.doesNotMatch(`${error.stack}${String(error.cause)}`, /secret/);
      return true;
    });
  }
});

test('a config.json that is not JSON is named without being quoted', async (t) => {
  await assert.rejects(load(t, { '.docker/config.json': '{"auths": secret' }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'DOCKER_CONFIG_INVALID');
    assert.doesNotMatch(`${error.stack}${String(error.cause)}`, /secret/);
    return true;
  });
});

test('DOCKER_CONFIG says where config.json is', async (t) => {
  const { credentials } = await load(t, { 'elsewhere/config.json': { auths: { 'a.test': { auth: btoa('a:b') } } } }, { DOCKER_CONFIG: 'HOME/elsewhere' });
  assert.deepEqual(await credentials('a.test'), basic('a', 'b'));
});

test('certificates, mirrors, insecure registries and proxies are found', async (t) => {
  const pem = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n';
  const options = await load(
    t,
    {
      'certs.d/a.test:5000/ca.crt': 'CA1', 'certs.d/a.test:5000/more.crt': 'CA2', 'certs.d/a.test:5000/client.cert': 'CERT', 'certs.d/a.test:5000/client.key': 'KEY',
      'daemon.json': { 'registry-mirrors': ['https://mirror.test'], 'insecure-registries': ['plain.test:80', '10.0.0.0/8'] },
      'bundle.pem': pem, 'extra.pem': `extra${pem}`,
    },
    { HTTPS_PROXY: 'http://p:1', no_proxy: 'a,b', NODE_EXTRA_CA_CERTS: 'HOME/extra.pem' },
  );
  assert.deepEqual(options.tls.hosts.get('a.test:5000'), { ca: ['CA1', 'CA2'], client: { cert: 'CERT', key: 'KEY' } });
  assert.deepEqual(options.tls.roots, [pem, `extra${pem}`]);
  assert.deepEqual(options.mirrors.get('docker.io'), ['https://mirror.test']);
  assert.deepEqual(options.proxies, { https: 'http://p:1', no: 'a,b' });
  const insecure = ['plain.test:80', 'plain.test', '10.1.2.3:5000', '11.1.2.3:5000', 'localhost:5000', '127.0.0.1', '[::1]:5000', 'localhost.evil.test'].filter((host) => isInsecure(host, options.insecure));
  assert.deepEqual(insecure, ['plain.test:80', '10.1.2.3:5000', 'localhost:5000', '127.0.0.1', '[::1]:5000']);
});

test('SSL_CERT_FILE stands in for the system\'s bundle, and must be readable', async (t) => {
  const options = await load(t, { 'bundle.pem': '-----BEGIN system', 'own.pem': '-----BEGIN own' }, { SSL_CERT_FILE: 'HOME/own.pem' });
  assert.deepEqual(options.tls.roots, ['-----BEGIN own']);
  await assert.rejects(load(t, {}, { SSL_CERT_FILE: 'HOME/none.pem' }), { code: 'CERTIFICATES_INVALID', hint: /SSL_CERT_FILE/ });
});

test('without any configuration nothing is set up, and no proxy comes from a CGI request', async (t) => {
  const options = await load(t, {}, { REQUEST_METHOD: 'GET', HTTP_PROXY: 'http://evil' });
  assert.deepEqual([options.tls.roots, options.tls.hosts.size, options.mirrors.size, options.insecure, options.proxies], [undefined, 0, 0, [], {}]);
});
