/**
 * Inputs like those of a corpus, with mistakes in them: bytes flipped, cut, doubled, moved from one input to another, and
 * words of the format where they do not belong. Built of fast-check's values, so that a failure shrinks to few mistakes.
 * Start at `mutated`.
 */
import fc from 'fast-check';

type Mutation = (input: Buffer) => Buffer;

const inputBytesMax = 128 * 1024;

/** A place as a part of the whole: it stays where it is in an input that was shortened. */
const place = fc.double({ min: 0, max: 1, noNaN: true });

function at(input: Buffer, part: number): number {
  return Math.floor(part * (input.length + 1));
}

function splice(input: Buffer, from: number, to: number, middle: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, from), middle, input.subarray(Math.max(from, to))]);
}

function mutations(corpus: readonly Buffer[], words: readonly string[]): fc.Arbitrary<Mutation> {
  const length = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 700 }));
  return fc.oneof(
    fc.tuple(place, fc.nat({ max: 7 })).map(([part, bit]): Mutation => (input) => {
      const copy = Buffer.from(input);
      const index = Math.min(copy.length - 1, at(copy, part));
      if (index >= 0) copy[index] = (copy[index] ?? 0) ^ (1 << bit);
      return copy;
    }),
    fc.tuple(place, fc.uint8Array({ maxLength: 8 })).map(([part, bytes]): Mutation => (input) => splice(input, at(input, part), at(input, part), bytes)),
    fc.tuple(place, length).map(([part, count]): Mutation => (input) => splice(input, at(input, part), at(input, part) + count, Buffer.alloc(0))),
    fc.tuple(place, fc.constantFrom(...words), fc.boolean()).map(([part, word, isOver]): Mutation => (input) => {
      const bytes = Buffer.from(word, 'latin1');
      return splice(input, at(input, part), at(input, part) + (isOver ? bytes.length : 0), bytes);
    }),
    fc.tuple(place, place, length).map(([from, to, count]): Mutation => (input) => splice(input, at(input, to), at(input, to), input.subarray(at(input, from), at(input, from) + count))),
    fc.tuple(place, place, fc.nat({ max: corpus.length - 1 })).map(([part, otherPart, index]): Mutation => (input) => {
      const other = corpus[index] ?? input;
      return Buffer.concat([input.subarray(0, at(input, part)), other.subarray(at(other, otherPart))]);
    }),
    fc.tuple(place, fc.constantFrom(2, 30, 3000)).map(([part, count]): Mutation => (input) => {
      const piece = input.subarray(at(input, part), at(input, part) + 8);
      return splice(input, at(input, part), at(input, part), Buffer.concat(Array.from({ length: count }, () => piece)));
    }),
  );
}

/** An input of the corpus with up to eight mistakes. */
export function mutated(corpus: readonly Buffer[], words: readonly string[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...corpus), fc.array(mutations(corpus, words), { maxLength: 8 }))
    .map(([input, list]) => list.reduce((bytes, mutate) => mutate(bytes).subarray(0, inputBytesMax), input));
}
