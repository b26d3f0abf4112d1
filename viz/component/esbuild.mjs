// Bundles src/index.tsx into dist/hutong_scene.min.js: one script that sets window.hutong_scene.
import {build} from 'esbuild';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const outfile = path.join(here, 'dist', 'hutong_scene.min.js');
const draft = `${outfile}.${process.pid}.part`;

// luma.gl, deck.gl, loaders.gl and their friends keep one version each on globalThis and refuse a second one. Hide
// what another bundle (dash-deck has deck.gl 8.2) put there while ours loads, then put it back.
const banner = `var __hutongHidden={};["deck","luma","loaders","mathgl","probe","_deck","_luma"].forEach(function(k){
if(k in globalThis){__hutongHidden[k]=globalThis[k];try{delete globalThis[k]}catch(e){}globalThis[k]=undefined}});`;
const footer = `["deck","luma","loaders","mathgl","probe","_deck","_luma"].forEach(function(k){
if(k in __hutongHidden)globalThis[k]=__hutongHidden[k];else try{delete globalThis[k]}catch(e){globalThis[k]=undefined}});`;

fs.mkdirSync(path.dirname(outfile), {recursive: true});
await build({
  absWorkingDir: here,
  entryPoints: ['src/index.tsx'],
  outfile: draft,
  bundle: true,
  minify: true,
  format: 'iife',
  globalName: 'hutong_scene',
  target: 'es2022',
  jsx: 'transform',
  conditions: ['visgl:webgl-only'],
  define: {'process.env.NODE_ENV': '"production"', global: 'globalThis'},
  banner: {js: banner},
  footer: {js: footer},
  legalComments: 'eof',
  logLevel: 'warning'
});
fs.renameSync(draft, outfile);
const bytes = fs.readFileSync(outfile);
const sum = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
console.log(`${path.relative(process.cwd(), outfile)} ${(bytes.length / 1e6).toFixed(2)} MB ${sum}`);
