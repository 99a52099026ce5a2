/**
 * Reads image configs that came from outside (OCI config.md and Docker's additions). Null stands for absent, as in the
 * configs that Go programs write; fields that tsbuild does not know are left behind. Start at `decodeImageConfig`.
 */
import { parseDigest, type DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import type { ContainerConfig, Healthcheck, HistoryEntry, ImageConfig, Manifest } from './config.ts';
import { decodePlatform } from './decode.ts';
import { arrayField, asObject, booleanField, field, integerField, invalidField, objectField, parseDocument, placeOf, setField, stringField, stringMapField, stringsField, type JsonObject } from './hostile-json.ts';
import { configListCountMax, configSizeBytesMax, layerCountMax } from './limits.ts';

/**
 * Reads an image config.
 * @throws TsbuildError `DOCUMENT_INVALID`, `DOCUMENT_TOO_LARGE`, `DIGEST_INVALID`, class registry
 */
export function decodeImageConfig(bytes: Uint8Array, name: string): ImageConfig {
  const document = parseDocument(bytes, name, configSizeBytesMax);
  const config = objectField(document, 'config');
  const history = arrayField(document, 'history', configListCountMax);
  return present({
    ...decodePlatform(document),
    created: stringField(document, 'created'),
    author: stringField(document, 'author'),
    config: config === undefined ? undefined : decodeContainerConfig(config),
    rootfs: { type: 'layers' as const, diff_ids: decodeDiffIDs(document) },
    history: history?.map(({ value, place }) => decodeHistory(asObject(value, place))),
  });
}

/**
 * Checks that config and manifest speak of the same layers.
 * @throws TsbuildError `LAYER_COUNT`, class registry
 */
export function checkLayerCount(manifest: Manifest, config: ImageConfig, name: string): void {
  const [layers, diffIDs] = [manifest.layers.length, config.rootfs.diff_ids.length];
  if (layers === diffIDs) return;
  throw new TsbuildError('registry', 'LAYER_COUNT', `${name}: the manifest has ${layers} layers, the config ${diffIDs} diffIDs`, {
    hint: 'The image is damaged. Pull it again or use another one.',
  });
}

function decodeDiffIDs(document: JsonObject): readonly DiffID[] {
  const rootfs = objectField(document, 'rootfs');
  if (rootfs === undefined) return [];
  const type = stringField(rootfs, 'type');
  if (type !== undefined && type !== 'layers') throw invalidField(placeOf(rootfs, 'type'), 'is not "layers"');
  const items = arrayField(rootfs, 'diff_ids', layerCountMax) ?? [];
  return items.map(({ value, place }) => parseDigest<DiffID>(value, `${place.document}: ${place.path}`));
}

function decodeContainerConfig(config: JsonObject): ContainerConfig {
  const strings = (key: string): string[] | undefined => stringsField(config, key, configListCountMax);
  const healthcheck = objectField(config, 'Healthcheck');
  return present({
    User: stringField(config, 'User'),
    ExposedPorts: setField(config, 'ExposedPorts'),
    Env: strings('Env'),
    Entrypoint: strings('Entrypoint'),
    Cmd: strings('Cmd'),
    Volumes: setField(config, 'Volumes'),
    WorkingDir: stringField(config, 'WorkingDir'),
    Labels: stringMapField(config, 'Labels'),
    StopSignal: stringField(config, 'StopSignal'),
    Healthcheck: healthcheck === undefined ? undefined : decodeHealthcheck(healthcheck),
    Shell: strings('Shell'),
    OnBuild: strings('OnBuild'),
    ArgsEscaped: booleanField(config, 'ArgsEscaped'),
  });
}

function decodeHealthcheck(object: JsonObject): Healthcheck {
  return present({
    Test: stringsField(object, 'Test', configListCountMax),
    Interval: durationField(object, 'Interval'),
    Timeout: durationField(object, 'Timeout'),
    StartPeriod: durationField(object, 'StartPeriod'),
    StartInterval: durationField(object, 'StartInterval'),
    Retries: integerField(object, 'Retries', 0, Number.MAX_SAFE_INTEGER),
  });
}

/** Go's longest time.Duration in whole milliseconds. */
const durationMax = 9_223_372_036_854_000_000;
const nanosecondsPerMs = 1_000_000n;

/** Nanoseconds. Beyond 2^53 (104 days) only whole milliseconds, which numbers have exactly: writing it again must not change it. */
function durationField(object: JsonObject, key: string): number | undefined {
  const value = field(object, key);
  if (typeof value === 'number' && value > Number.MAX_SAFE_INTEGER && value <= durationMax) {
    const written = BigInt(String(value)); // what its JSON says, not what the number is
    if (written % nanosecondsPerMs === 0n) return value;
  }
  return integerField(object, key, 0, Number.MAX_SAFE_INTEGER);
}

function decodeHistory(object: JsonObject): HistoryEntry {
  return present({
    created: stringField(object, 'created'),
    created_by: stringField(object, 'created_by'),
    author: stringField(object, 'author'),
    comment: stringField(object, 'comment'),
    empty_layer: booleanField(object, 'empty_layer'),
  });
}

/** An object without its undefined fields, as `exactOptionalPropertyTypes` wants it. */
type Present<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & { [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined> };

function present<T extends object>(fields: T): Present<T> {
  // The cast says what the filter does: only fields that are undefined are gone, and those are optional in Present<T>.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
