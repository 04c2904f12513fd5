/**
 * Bundles the page of a project as its users would: `node bundle.mjs vite|esbuild|webpack`, in the folder of the project.
 * The page goes to dist/TOOL; what the bundler warns of is the last line that is printed, a list in JSON.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

const project = process.cwd();
const [tool] = process.argv.slice(2);
const out = join(project, 'dist', tool);

const tools = {
  async vite() {
    const { build } = await import('vite');
    const warnings = [];
    const warn = (text) => warnings.push(text);
    await build({
      root: project,
      configFile: false,
      // A page may be anywhere.
      base: './',
      customLogger: {
        info() {},
        warn,
        warnOnce: warn,
        error: warn,
        clearScreen() {},
        hasErrorLogged: () => false,
        hasWarned: false,
      },
      build: { outDir: out },
    });
    return warnings;
  },

  async esbuild() {
    const { build } = await import('esbuild');
    const options = { bundle: true, minify: true, format: 'esm', splitting: true, logLevel: 'silent' };
    const { warnings } = await build({ ...options, entryPoints: [join(project, 'app.js')], outdir: out });
    copyPage();
    return warnings.map(({ text }) => text);
  },

  async webpack() {
    const { default: webpack } = await import('webpack');
    // A module, as the page loads it: classic scripts load parts of themselves in a way that Trusted Types refuse.
    const output = { path: out, filename: 'app.js', module: true };
    const experiments = { outputModule: true };
    const compiler = webpack({
      mode: 'production',
      context: project,
      entry: './app.js',
      output,
      experiments,
    });
    const stats = await new Promise((resolve, reject) =>
      compiler.run((error, done) => (error === null ? resolve(done) : reject(error))),
    );
    const { warnings, errors } = stats.toJson({ all: false, warnings: true, errors: true });
    copyPage();
    return [...errors, ...warnings].map(({ message }) => message);
  },
};

/** Vite makes the page itself; with the others the user writes it. */
function copyPage() {
  copyFileSync(join(project, 'index.html'), join(out, 'index.html'));
}

const warnings = await tools[tool]();
console.log(JSON.stringify(warnings));
