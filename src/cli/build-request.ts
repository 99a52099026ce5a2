/** The request of a build belongs to `build/`, which carries it out; the command line fills it in. */
export * from '../build/build-request.ts';
