/**
 * Builds what Python ships, in two ways because two hosts load it:
 *
 * - `../mlx_manager_jupyter/static`: one ES module and one style sheet an anywidget, nothing external
 * - `../mlx_manager_jupyter/labextension`: a federated module that shares JupyterLab's own packages
 *
 * `--prod` minifies and leaves out source maps and the build log, which hold local paths.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const STATIC = '../mlx_manager_jupyter/static';
const LABEXTENSION = '../mlx_manager_jupyter/labextension';
const WIDGETS = [
  'servers_panel',
  'models_panel',
  'downloads_panel',
  'profiles_panel',
  'metrics_panel',
  'chat_stream',
];

/** Kilobytes, gzipped: what a reader waits for, and what a saved notebook may carry. */
const PANEL_LIMIT = 80;
const WIDGET_LIMIT = 45;
const CHARTS_LIMIT = 25;
/** A class that only uPlot names, so that its chunk is known, whatever it is called. */
const CHARTS = 'u-under';

const { values: options } = parseArgs({
  options: { prod: { type: 'boolean' }, clean: { type: 'boolean' } },
});
process.chdir(fileURLToPath(new URL('.', import.meta.url)));

for (const output of ['lib/index.js', 'lib/index.js.map', STATIC, LABEXTENSION]) {
  rmSync(output, { recursive: true, force: true });
}
if (!options.clean) {
  await buildWidgets();
  await buildLab();
  if (options.prod) {
    checkSizes();
  }
}

async function bundle(more) {
  await build({
    bundle: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: options.prod ?? false,
    legalComments: 'none',
    logLevel: 'warning',
    ...more,
  });
}

async function buildWidgets() {
  await bundle({
    entryPoints: WIDGETS.map((name) => `src/widgets/${name}.ts`),
    outdir: STATIC,
    sourcemap: options.prod ? false : 'inline',
  });
}

/** esbuild turns TypeScript into one module, the official builder turns that into an extension. */
async function buildLab() {
  await bundle({
    entryPoints: ['src/lab/index.ts'],
    outfile: 'lib/index.js',
    // What draws charts is a chunk of its own, which comes when the first chart does.
    external: ['@jupyterlab/*', '@lumino/*', 'uplot'],
    sourcemap: options.prod ? false : 'linked',
  });
  const { resolve } = createRequire(import.meta.url);
  // By its path and with its own core metadata: the Python wrapper would install packages itself.
  const { status } = spawnSync(
    process.execPath,
    [
      resolve('@jupyter/builder/lib/build-labextension.js'),
      ...(options.prod ? [] : ['--development', '--source-map']),
      '--core-package-file',
      resolve('@jupyterlab/core-meta/core.package.json'),
      '.',
    ],
    { stdio: 'inherit' },
  );
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}

/** Prints what each bundle weighs; one that is too heavy fails the build. */
function checkSizes() {
  const scripts = readdirSync(`${LABEXTENSION}/static`)
    .filter((file) => file.endsWith('.js'))
    .map((file) => `${LABEXTENSION}/static/${file}`);
  const draws = (file) => readFileSync(file, 'utf8').includes(`"${CHARTS}"`);
  const weights = [
    ['panel', PANEL_LIMIT, scripts.filter((file) => !draws(file))],
    ['charts, when the first one is shown', CHARTS_LIMIT, scripts.filter(draws)],
    ...WIDGETS.map((name) => [
      name,
      WIDGET_LIMIT,
      [`${STATIC}/${name}.js`, `${STATIC}/${name}.css`],
    ]),
  ];
  let tooHeavy = false;
  for (const [name, limit, files] of weights) {
    const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
    const kilobytes = bytes / 1000;
    console.log(`${name}: ${kilobytes.toFixed(1)} kB gzipped, limit ${limit} kB`);
    tooHeavy ||= kilobytes > limit;
  }
  if (tooHeavy) {
    process.exit(1);
  }
}
