/**
 * Reads `-o`/`--output` as buildx does (buildx `util/buildflags/export.go`): CSV of `key=value`, or a bare path, or `-`.
 * Unlike buildx it refuses keys that mean nothing to the output's type. No file is looked at here.
 */
import { TsbuildError } from '../base/errors.ts';
import { parseCsvFields } from '../dockerfile/csv.ts';
import { suggestionHint } from '../dockerfile/suggest.ts';
import { formatReference, parseReference, withDefaultTag } from '../image/reference.ts';
import { annotationLevels, stdoutDest, type AnnotationLevel, type ImageOutputOptions, type LayerCompression, type OutputAnnotation, type OutputSpec } from './output-spec.ts';

const types = ['oci', 'docker', 'image', 'registry', 'local', 'tar', 'cacheonly'] as const;
type OutputType = (typeof types)[number];

const imageKeys = ['name', 'compression', 'compression-level', 'force-compression'];
/** Keys of buildx that ask for what tsbuild does anyway; they are accepted and change nothing. */
const idleKeys = ['oci-mediatypes', 'rewrite-timestamp', 'buildinfo', 'unpack', 'store'];
const keysOf: Readonly<Record<OutputType, readonly string[]>> = {
  oci: ['dest', 'tar', ...imageKeys, ...idleKeys],
  docker: ['dest', 'tar', ...imageKeys, ...idleKeys],
  image: ['push', 'push-by-digest', 'registry.insecure', ...imageKeys, ...idleKeys],
  registry: ['push', 'push-by-digest', 'registry.insecure', ...imageKeys, ...idleKeys],
  local: ['dest', 'platform-split'],
  tar: ['dest', 'platform-split'],
  cacheonly: [],
};

/** The largest level of each compressor. */
const levelMax = { gzip: 9, zstd: 22, uncompressed: 0 } as const;

type Fields = ReadonlyMap<string, string>;

/**
 * Reads one `-o`.
 * @throws TsbuildError `OUTPUT_SYNTAX`, `CSV`, `REFERENCE_INVALID`, class usage
 */
export function parseOutput(text: string): OutputSpec {
  const fields = parseCsvFields(text, '--output');
  if (fields.length === 1 && fields[0] === text && !text.startsWith('type=')) {
    return text === stdoutDest ? { type: 'tar', dest: stdoutDest } : { type: 'local', dest: text, platformSplit: null };
  }
  const pairs = new Map(fields.map((field) => splitField(field)));
  const type = typeOf(pairs);
  for (const key of pairs.keys()) checkKey(key, type);
  return specOf(type, pairs);
}

function splitField(field: string): readonly [string, string] {
  const equals = field.indexOf('=');
  if (equals < 0) throw syntaxError(`invalid value ${field}`, 'Write it as key=value, for example type=oci,dest=image.tar.');
  const key = field.slice(0, equals).trim();
  // The name of an annotation keeps its case; all other keys have none.
  return [key.toLowerCase().startsWith('annotation') ? key : key.toLowerCase(), field.slice(equals + 1)];
}

function typeOf(fields: Fields): OutputType {
  const type = fields.get('type') ?? '';
  if (type === '') throw syntaxError('type is required for output', `Add type=…: one of ${types.join(', ')}.`);
  const known = types.find((name) => name === type);
  if (known !== undefined) return known;
  throw syntaxError(`exporter ${JSON.stringify(type)} could not be found`, suggestionHint(type, types) ?? `It is one of ${types.join(', ')}.`);
}

function checkKey(key: string, type: OutputType): void {
  if (key === 'type' || keysOf[type].includes(key)) return;
  if (key.startsWith('annotation') && keysOf[type].includes('name')) return;
  const hint = suggestionHint(key, ['type', ...keysOf[type]]);
  throw syntaxError(`unexpected key ${JSON.stringify(key)} for ${type} exporter`, hint);
}

function specOf(type: OutputType, fields: Fields): OutputSpec {
  const dest = fields.get('dest') ?? '';
  switch (type) {
    case 'cacheonly':
      return { type };
    case 'tar':
      return { type, dest: dest === '' ? stdoutDest : dest };
    case 'local':
      return { type, dest: folderDest(dest, type), platformSplit: fields.has('platform-split') ? booleanField(fields, 'platform-split', true) : null };
    case 'image':
    case 'registry':
      return {
        type: 'image',
        push: booleanField(fields, 'push', type === 'registry'),
        pushByDigest: booleanField(fields, 'push-by-digest', false),
        insecure: booleanField(fields, 'registry.insecure', false),
        ...imageOptions(fields, { type: 'gzip', level: null, force: false }),
      };
    case 'oci':
    case 'docker':
      return archiveOf(type, dest, fields);
  }
}

function archiveOf(type: 'oci' | 'docker', dest: string, fields: Fields): OutputSpec {
  const tar = booleanField(fields, 'tar', true);
  // `docker load` unpacks all layers anyway: plain tars spare both sides the work.
  const plain = type === 'docker' && !fields.has('compression');
  const options = imageOptions(fields, { type: plain ? 'uncompressed' : 'gzip', level: null, force: plain });
  if (!tar) return { type, tar, dest: folderDest(dest, type), ...options };
  if (dest === '' && type === 'docker') return { type: 'load', ...options };
  return { type, tar, dest: dest === '' ? stdoutDest : dest, ...options };
}

function folderDest(dest: string, type: string): string {
  if (dest === '') throw syntaxError(`dest is required for ${type} exporter`, 'Add dest=FOLDER.');
  if (dest === stdoutDest) throw syntaxError(`dest cannot be stdout for ${type} exporter`, 'Name a folder: dest=FOLDER.');
  return dest;
}

function imageOptions(fields: Fields, compression: LayerCompression): ImageOutputOptions {
  return {
    names: (fields.get('name') ?? '').split(',').filter((name) => name !== '').map(fullName),
    compression: compressionOf(fields, compression),
    annotations: [...fields].flatMap(([key, value]) => (key.startsWith('annotation') ? [annotationOf(key, value)] : [])),
  };
}

function fullName(name: string): string {
  return formatReference(withDefaultTag(parseReference(name.trim())));
}

function compressionOf(fields: Fields, byDefault: LayerCompression): LayerCompression {
  const name = fields.get('compression') ?? byDefault.type;
  if (name !== 'gzip' && name !== 'zstd' && name !== 'uncompressed') {
    throw syntaxError(`unsupported layer compression type ${name}`, suggestionHint(name, Object.keys(levelMax)) ?? 'It is gzip, zstd or uncompressed.');
  }
  return { type: name, level: levelOf(fields.get('compression-level'), name), force: booleanField(fields, 'force-compression', byDefault.force) };
}

function levelOf(text: string | undefined, type: LayerCompression['type']): number | null {
  if (text === undefined) return null;
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= levelMax[type]) return Number(text);
  const hint = levelMax[type] === 0 ? 'There is no level without compression.' : `It is a number from 1 to ${levelMax[type]}.`;
  throw syntaxError(`invalid compression-level ${JSON.stringify(text)} for ${type}`, hint);
}

/** `annotation.K`, `annotation-index.K`, `annotation-manifest[linux/amd64].K`. */
function annotationOf(key: string, value: string): OutputAnnotation {
  const match = /^annotation(?:-([a-z-]+))?(?:\[([^\]]*)\])?\.(.+)$/.exec(key);
  const level = match === null ? undefined : annotationLevels.find((name) => name === (match[1] ?? 'manifest'));
  if (match?.[3] === undefined || level === undefined) {
    throw syntaxError(`unrecognized annotation type ${JSON.stringify(key)}`, `Write annotation.KEY=VALUE, or annotation-LEVEL.KEY=VALUE with one of ${annotationLevels.join(', ')}.`);
  }
  return { level: level satisfies AnnotationLevel, platform: match[2] ?? null, key: match[3], value };
}

/** As Go's strconv.ParseBool reads it; an empty value means true, as in BuildKit. */
function booleanField(fields: Fields, key: string, byDefault: boolean): boolean {
  const text = fields.get(key);
  if (text === undefined) return byDefault;
  if (/^(1|t|T|true|TRUE|True|)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw syntaxError(`non-bool value specified for ${key}: ${JSON.stringify(text)}`, 'Write true or false.');
}

function syntaxError(message: string, hint: string | undefined): TsbuildError {
  return new TsbuildError('usage', 'OUTPUT_SYNTAX', `--output: ${message}`, hint === undefined ? {} : { hint });
}
