/** The words before an instruction in progress: `[builder 2/5]`, and `[linux/arm64 builder 2/5]` where there are several platforms. */
import type { Platform } from '../image/config.ts';
import { formatWholePlatform, normalizePlatform } from '../image/platform.ts';
import type { EnvList } from './env-list.ts';
import type { ResolvedStage } from './stages.ts';

/** How steps of a stage are numbered for progress: FROM of an image counts, FROM of a stage does not. */
export class StepNames {
  #index = 0;
  readonly #total: number;
  readonly #label: string;
  readonly #platform: Platform | null;

  /** @param platform what the steps run on, where that is shown */
  constructor(stage: ResolvedStage, platform: Platform | null) {
    const steps = stage.instructions.filter(({ instruction }) => /^(run|copy|add|workdir)$/.test(instruction.kind)).length;
    this.#total = steps + (stage.base.kind === 'image' ? 1 : 0);
    this.#label = stage.label === '' ? '' : `${stage.label} `;
    this.#platform = platform;
  }

  /** The next step's words, with a blank behind them. `env` is what the step sees; FROM sees nothing. */
  next(env: EnvList | null): string {
    this.#index += 1;
    const width = String(this.#total).length;
    const platform = this.#platform === null ? '' : `${platformLabel(this.#platform, env)} `;
    return `[${platform}${this.#label}${String(this.#index).padStart(width)}/${this.#total}] `;
  }
}

/** `linux/amd64`, or `linux/amd64->arm64` for a step that knows it builds for another platform than it runs on. */
function platformLabel(own: Platform, env: EnvList | null): string {
  const target = env === null ? null : targetIn(env, own);
  const text = formatWholePlatform(own);
  if (target === null) return text;
  if (target.os !== own.os) return `${text}->${formatWholePlatform(target)}`;
  if (target.architecture === own.architecture) return text;
  return `${text}->${[target.architecture, target.variant ?? ''].filter((part) => part !== '').join('/')}`;
}

/** What TARGETPLATFORM, or else TARGETOS, TARGETARCH and TARGETVARIANT say, if the stage declared any of them. */
function targetIn(env: EnvList, own: Platform): Platform | null {
  const whole = env.get('TARGETPLATFORM')?.split('/');
  const [os, architecture, variant] = whole ?? [env.get('TARGETOS'), env.get('TARGETARCH'), env.get('TARGETVARIANT')];
  if (os === undefined && architecture === undefined && variant === undefined) return null;
  return normalizePlatform({
    os: os ?? own.os,
    architecture: architecture ?? own.architecture,
    ...(variant === undefined ? {} : { variant }),
  });
}
