// Judges queries by the vendor's language service. It reads {tables, queries} as JSON from its standard input and writes a
// verdict for each query: what is wrong with it, the types of its columns, and the values of the literals in it.
'use strict';

const service = '@kusto/language-service-next/';
require(service + 'bridge.min.js');
require(service + 'Kusto.Language.Bridge.min.js');

const { tables, queries } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const { TableSymbol, DatabaseSymbol } = Kusto.Language.Symbols;
const schemas = Object.entries(tables).map(([name, columns]) => TableSymbol.From('(' + columns.join(', ') + ')').WithName(name));
const globals = Kusto.Language.GlobalState.Default.WithDatabase(new DatabaseSymbol.ctor('tables', schemas));

function list(items) {
  return Array.from({ length: items.Count }, (_, i) => items.getItem(i));
}

// texts gathers the values of the text literals below a node.
function texts(node) {
  const kind = Kusto.Language.Syntax.SyntaxKind.StringLiteralExpression;
  const found = node.Kind === kind ? [node.LiteralValue] : [];
  for (let i = 0; i < node.ChildCount; i++) {
    const child = node.GetChild(i);
    if (child) found.push(...texts(child));
  }
  return found;
}

process.stdout.write(JSON.stringify(queries.map((query) => {
  const code = Kusto.Language.KustoCode.ParseAndAnalyze(query, globals);
  const problems = list(code.GetDiagnostics()).map((d) =>
    d.Code + ' at ' + JSON.stringify(query.slice(d.Start, d.Start + 30)) + ': ' + d.Message);
  const columns = code.ResultType && code.ResultType.Columns ? list(code.ResultType.Columns).map((c) => c.Name + ':' + c.Type.Name) : [];
  return { problems, columns, texts: texts(code.Syntax) };
})));
