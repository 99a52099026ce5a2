// Imports point down, never sideways or in a circle (src/README.md).
const ranks = [
  ['base'],
  ['dockerfile', 'image', 'store', 'native'],
  ['layer', 'registry'],
  ['graph', 'context', 'snapshot', 'sandbox'],
  ['source', 'cache', 'export'],
  ['build'],
  ['verify'],
  ['cli'],
];
const forbidden = ranks.flatMap((folders, rank) =>
  folders.map((folder) => {
    const allowed = [folder, ...ranks.slice(0, rank).flat()];
    return {
      name: `${folder}-points-down`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${allowed.join('|')})/` },
    };
  }),
);
const pure = ['base', 'dockerfile', 'graph', 'image'];
module.exports = {
  forbidden: [
    ...forbidden,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-folders',
      comment: 'These folders read no disk, clock, environment or randomness and start no process.',
      severity: 'error',
      from: { path: `^src/(${pure.join('|')})/` },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|path|path/posix|buffer|assert|util)$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
