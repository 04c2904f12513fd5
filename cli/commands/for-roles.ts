/** Commands that run roles. They need the same, so the package has one file of them. */
export { demoCommand } from './demo.ts';
export { serveCommand } from './serve.ts';
export { workerCommand } from './worker.ts';
