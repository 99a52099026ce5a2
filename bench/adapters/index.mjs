// The builders that can be measured. The first is the one whose goals are checked.
import * as tsbuild from './tsbuild.mjs';

export const adapters = [tsbuild];
