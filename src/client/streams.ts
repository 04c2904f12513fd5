/** `client.job`, `client.map` and `client.mapSettled`: what a page loads when it first uses one of them. */
export { openJob } from './job.ts';
export { openMap } from './map.ts';
