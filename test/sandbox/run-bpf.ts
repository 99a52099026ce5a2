/** An interpreter for the classic BPF that seccomp filters are made of, written from linux/filter.h. */

/** What a filter sees of a system call. */
export interface SeccompData {
  readonly auditArch: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

/** Runs a filter and returns its result (SECCOMP_RET_*). Throws on anything that the kernel's checker would refuse. */
export function runBpf(program: Uint8Array, data: SeccompData): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const memory = encodeData(data);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const jt = view.getUint8(at * 8 + 2);
    const jf = view.getUint8(at * 8 + 3);
    const k = view.getUint32(at * 8 + 4, true);
    const code = view.getUint16(at * 8, true);
    if (code === 0x20) accumulator = memory.getUint32(k, true);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) at += k;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x06) return k;
    else throw new Error(`instruction ${at}: unknown code ${code.toString(16)}`);
  }
  throw new Error('the program runs off its end');
}

function encodeData({ auditArch, number, args = [] }: SeccompData): DataView {
  const memory = new DataView(new ArrayBuffer(64));
  memory.setUint32(0, number, true);
  memory.setUint32(4, auditArch, true);
  args.forEach((value, index) => memory.setBigUint64(16 + 8 * index, value, true));
  return memory;
}
