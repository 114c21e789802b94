// Holds JSON against the vendor's types. It reads cases of {type, json} as JSON from its standard input and writes, for
// each, what the compiler says against it.
'use strict';

const path = require('path');
const ts = require('typescript');

// beside are members that the vendor's pages have and its types do not.
const beside = {
  'SecurityNamespace.Alert': ['investigationState'],
  'SecurityNamespace.DeviceEvidence': ['resourceAccessEvents'],
};

const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const lines = ["import * as graph from '@microsoft/microsoft-graph-types';"];
const caseOf = [-1];

// typeNamed is the type that an @odata.type names.
function typeNamed(name) {
  const [, security, type] = /^#?microsoft\.graph\.(security\.)?(\w+)$/.exec(name) || [];
  if (!type) return 'never';
  return (security ? 'SecurityNamespace.' : '') + type[0].toUpperCase() + type.slice(1);
}

// declare writes a value as a constant of a type, and gives the name of the constant.
function declare(index, type, value) {
  const left = beside[type] || [];
  const written = object(index, Object.entries(value).filter(([name]) => !left.includes(name)));
  lines.push(`const c${lines.length}: graph.${type} = ${written};`);
  caseOf.push(index);
  return 'c' + (lines.length - 1);
}

// literal writes a value. An object that names its type is a constant of that type, as otherwise the members that its
// type has beyond the one expected would count as mistakes.
function literal(index, value) {
  if (Array.isArray(value)) return '[' + value.map((inner) => literal(index, inner)).join(', ') + ']';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (value['@odata.type']) return declare(index, typeNamed(value['@odata.type']), value);
  return object(index, Object.entries(value));
}

// object writes members, without annotations, which the types do not have.
function object(index, members) {
  const written = members.filter(([name]) => !name.includes('@odata.'))
    .map(([name, inner]) => JSON.stringify(name) + ': ' + literal(index, inner));
  return '{' + written.join(', ') + '}';
}

const problems = cases.map(() => []);
cases.forEach(({ type, json }, index) => {
  if (!type.endsWith('[]')) return declare(index, type, json);
  if (!Array.isArray(json.value)) return problems[index].push('there is no list in the member value');
  json.value.forEach((one) => declare(index, type.slice(0, -2), one));
});

const file = path.join(__dirname, 'cases.ts'); // in memory only
const options = { strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 };
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;
const source = lines.join('\n');
host.getSourceFile = (name, language, ...rest) =>
  name === file ? ts.createSourceFile(name, source, language) : getSourceFile(name, language, ...rest);
host.fileExists = (name) => name === file || fileExists(name);
host.readFile = (name) => name === file ? source : readFile(name);

for (const found of ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))) {
  const said = ts.flattenDiagnosticMessageText(found.messageText, '\n');
  const here = found.file && found.file.fileName === file;
  const line = here ? found.file.getLineAndCharacterOfPosition(found.start).line : -1;
  if (line < 1) throw new Error(said); // the trouble is not in a case
  const about = source.slice(found.start, found.start + Math.min(found.length, 60));
  problems[caseOf[line]].push(about + ': ' + said);
}
process.stdout.write(JSON.stringify(problems));
