/**
 * Whole image configs, as goldens that were compared field by field with BuildKit's sources
 * (frontend/dockerfile/dockerfile2llb/convert.go). Together the Dockerfiles have every instruction; the base has a config
 * of its own in every field. `skopeo inspect --config` must see what the golden says.
 */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { baseImage } from '../support/base-images.ts';
import { editLayout, type PlainConfig } from '../support/edit-layout.ts';
import { checkGolden } from '../support/golden.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, { program: 'skopeo' });

/** Every field set, in orders that sorting would change. */
const baseConfig = {
  User: 'nobody', ExposedPorts: { '53/udp': {}, '22/tcp': {} }, Env: ['ZED=1', 'PATH=/bin:/sbin', 'EMPTY=', 'EQUALS=a=b', 'ALPHA=base'],
  Entrypoint: ['/bin/sh', '-c'], Cmd: ['echo base'], Volumes: { '/var/lib': {} }, WorkingDir: '/srv/base', Labels: { z: 'base', a: 'base "quoted"' },
  StopSignal: 'SIGQUIT', Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000, Retries: 2 }, Shell: ['/bin/sh', '-ec'],
};
const baseHistory = [
  { created: '2020-02-02T02:02:02Z', created_by: 'ADD file:0 in /', comment: 'theirs', author: 'them' },
  { created: '2020-02-02T02:02:03Z', created_by: 'CMD ["echo base"]', empty_layer: true },
];

interface Case {
  readonly name: string;
  readonly dockerfile: string;
  readonly args?: readonly string[];
}

const cases: readonly Case[] = [
  { name: 'inherited', dockerfile: 'FROM base\n' },
  { name: 'scratch', dockerfile: 'FROM scratch\n' },
  { name: 'env', dockerfile: 'FROM base\nENV ALPHA=new BETA=$ALPHA ZED=2\nENV LEGACY  a "b"  c\nENV PATH=$PATH:/x Q="a b" S=\'$ALPHA\' D="\\$x" E=\nENV BETA=again\n' },
  { name: 'entrypoint-clears-cmd', dockerfile: 'FROM base\nENTRYPOINT ["/entry", "a b", "\\u00e9\\u200b\\n"]\n' },
  { name: 'cmd-and-entrypoint', dockerfile: 'FROM base\nCMD one\nCMD ["two", "$ALPHA"]\nENTRYPOINT three $ALPHA\n' },
  { name: 'empty-commands', dockerfile: 'FROM base\nCMD []\nENTRYPOINT []\n' },
  { name: 'healthcheck', dockerfile: 'FROM base\nHEALTHCHECK --interval=1h30m --timeout=1.5s --start-period=100ms --start-interval=3000h --retries=7 CMD curl  "x"\n' },
  { name: 'healthcheck-none', dockerfile: 'FROM base\nHEALTHCHECK --retries=3 CMD ["a", "b c"]\nHEALTHCHECK NONE\n' },
  { name: 'expose-volume', dockerfile: 'FROM base\nARG P=9000\nEXPOSE 8000-8002/UDP $P/Tcp 127.0.0.1:80:81 22\nVOLUME /data $ALPHA\nVOLUME ["/with blank", "/data"]\n' },
  { name: 'user-workdir-signal', dockerfile: 'FROM base\nUSER 1000:1000\nWORKDIR sub/../dir/\nWORKDIR /abs//path/\nWORKDIR /\nSTOPSIGNAL rtmin+3\nUSER $NONE\n' },
  { name: 'shell', dockerfile: 'FROM base\nUSER root\nRUN echo from-base >/out\nSHELL ["/bin/sh", "-euc"]\nRUN echo own >/out\nCMD a\nHEALTHCHECK CMD b\nENTRYPOINT c\n' },
  { name: 'labels', dockerfile: 'FROM base\nLABEL z=own "two words"="v  v" multi="a\\\n b" $ALPHA=$ZED\nLABEL old style  text\nMAINTAINER A <a@b>\n', args: ['--label', 'z=cli', '--label', 'new=$ALPHA'] },
  { name: 'onbuild', dockerfile: 'FROM base AS parent\nONBUILD ENV FROM_PARENT=$ALPHA\nONBUILD COPY <<-EOF /f\n\tbody $ALPHA\n\tEOF\nUSER root\nFROM parent\nONBUILD RUN next  $x\n' },
  { name: 'history-of-run', dockerfile: 'ARG G=global\nFROM base AS one\nUSER root\nARG A=1 B\nRUN true\nFROM one\nARG G\nENV A=env\nARG B=2 A\nRUN ["/bin/true", "a b"]\nRUN <<EOF\ntrue $A\n:\nEOF\nRUN cat <<X >/dev/null\nbody\nX\nRUN --mount=type=cache,target=/c --network=none true \\\n  # comment\n  && :\n', args: ['--build-arg', 'G=given'] },
  { name: 'history-of-copy', dockerfile: 'FROM base AS one\nFROM base\nARG D=/dir\nCOPY a.txt b.txt $D/\nCOPY --chown=1:2 --chmod=600 ["a.txt", "/with blank"]\nCOPY --from=one /etc/passwd /p\nCOPY <<EOF <<"Q" /docs/\n$D\nEOF\n$D\nQ\nADD --link a.txt /added\nADD a.txt $D/\nWORKDIR /dir\nWORKDIR /new\n' },
];

describe('image configs', { skip, concurrency: 3 }, () => {
  const folder = temporaryFolder({ after: (remove) => { after(remove as () => void); } });
  let baseDiffIDs: readonly string[] = [];

  before(async () => {
    await mkdir(join(folder, 'context'));
    for (const name of ['a.txt', 'b.txt']) await writeFile(join(folder, 'context', name), `${name}\n`, { mode: 0o644 });
    await editLayout({
      from: await baseImage('busybox'),
      folder: join(folder, 'base'),
      config: (old) => {
        baseDiffIDs = old.rootfs.diff_ids;
        return JSON.stringify({ ...old, created: '2020-02-02T02:02:04Z', author: 'them', config: baseConfig, history: baseHistory, docker_version: '1', 'os.features': [] });
      },
    });
  });

  /** Builds into an archive and returns its config, by skopeo, with the names of what differs between machines. */
  async function configOf({ name, dockerfile, args = [] }: Case): Promise<PlainConfig> {
    const file = join(folder, `${name}.Dockerfile`);
    const archive = join(folder, `${name}.tar`);
    await writeFile(file, dockerfile);
    await mustBuild(['-f', file, '--build-context', `base=oci-layout://${folder}/base:latest`, '-o', `type=oci,dest=${archive}`, ...args, join(folder, 'context')], { store: join(folder, 'store') });
    const inspect = async (...more: readonly string[]): Promise<PlainConfig> =>
      JSON.parse(await mustRun('skopeo', ['--insecure-policy', 'inspect', '--config', ...more, `oci-archive:${archive}`])) as PlainConfig;
    const [config, typed] = await Promise.all([inspect('--raw'), inspect()]);
    assert.deepEqual(withoutDockers(config), withoutDockers(typed), 'skopeo reads all that OCI knows');
    return config;
  }

  /** For people: machine-dependent values by name. */
  function readable(config: PlainConfig): string {
    const layers = config.rootfs.diff_ids.map((digest) => (baseDiffIDs.includes(digest) ? 'layer of the base' : digest));
    return `${JSON.stringify({ ...config, architecture: 'this machine', rootfs: { ...config.rootfs, diff_ids: layers } }, null, 1)}\n`;
  }

  for (const one of cases) {
    test(`the config of ${one.name}`, async () => {
      checkGolden(`config/${one.name}`, `${one.dockerfile}\n${readable(await configOf(one))}`);
    });
  }
});

/** What skopeo's own type of a config has: OCI's fields, without Docker's. */
function withoutDockers(config: PlainConfig): unknown {
  const dockers = new Set(['Healthcheck', 'Shell', 'OnBuild', 'ArgsEscaped']);
  const container = Object.fromEntries(Object.entries(config['config'] as object).filter(([key]) => !dockers.has(key)));
  const { history, ...others } = config;
  const lines = Array.isArray(history) && history.length > 0 ? { history } : {}; // Go leaves an empty list out
  return { ...others, ...lines, config: container };
}
