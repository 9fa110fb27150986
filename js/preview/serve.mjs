/** Serves the preview on loopback and builds it again at every reload. */
import { fileURLToPath } from 'node:url';

import { context } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));
const preview = await context({
  entryPoints: [`${folder}/preview.ts`],
  outdir: folder,
  bundle: true,
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  write: false,
});
const { port } = await preview.serve({ servedir: folder, host: '127.0.0.1' });
console.log(`http://127.0.0.1:${String(port)}/`);
