/** What the READMEs show compiles, as it stands there. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'

for (const readme of ['../../README.md', 'README.md']) {
  test(`the examples of ${readme} compile`, () => {
    const examples = [...readFileSync(readme, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!)
    assert.ok(examples.length > 0, 'there are examples')
    const folder = resolve('build/readme')
    mkdirSync(folder, { recursive: true })
    const files = examples.map((example, index) => {
      const file = `${folder}/${readme.length}-${index}.ts`
      writeFileSync(file, example)
      return file
    })
    const program = ts.createProgram(files, {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.esnext.disposable.d.ts'],
      types: [],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      paths: { meshlace: [resolve('dist/types/src/index.d.ts')] },
    })
    const found = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0
      return `${file?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
    assert.deepEqual(found, [])
  })
}
