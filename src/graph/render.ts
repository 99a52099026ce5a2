/** The graph as text for other programs: JSON, Graphviz's dot, Mermaid's flowchart. */
import { graphJson } from './definition.ts';
import { inputsOf, type Graph } from './vertex.ts';

export type GraphFormat = 'json' | 'dot' | 'mermaid';

/** Prints the graph; the result ends with a line end. */
export function renderGraph(graph: Graph, format: GraphFormat): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(JSON.parse(graphJson(graph)), null, 2)}\n`;
    case 'dot':
      return renderDot(graph);
    case 'mermaid':
      return renderMermaid(graph);
  }
}

function renderDot(graph: Graph): string {
  const lines = ['digraph build {', '  rankdir="LR";', '  node [shape="box"];'];
  for (const vertex of graph.vertices) {
    const style = graph.targets.includes(vertex.id) ? ' style="bold"' : '';
    lines.push(`  v${vertex.id} [label=${dotQuote(vertex.name)}${style}];`);
    for (const input of new Set(inputsOf(vertex.operation))) lines.push(`  v${input} -> v${vertex.id};`);
  }
  return `${lines.join('\n')}\n}\n`;
}

/** Names come from the Dockerfile: what could end a label or steer a terminal becomes a blank. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

function dotQuote(text: string): string {
  return `"${oneLine(text).replace(/[\\"]/g, '\\$&')}"`;
}

function renderMermaid(graph: Graph): string {
  const lines = ['flowchart LR'];
  for (const vertex of graph.vertices) {
    lines.push(`  v${vertex.id}["${mermaidText(vertex.name)}"]`);
    for (const input of new Set(inputsOf(vertex.operation))) lines.push(`  v${input} --> v${vertex.id}`);
  }
  return `${lines.join('\n')}\n`;
}

function mermaidText(text: string): string {
  return oneLine(text).replace(/[#&<>"]/g, (char) => `#${char.charCodeAt(0)};`);
}
