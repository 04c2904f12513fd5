/** The clock, for those who are usually given a reading of it. */
export const clock = {
  get now(): number {
    return performance.now();
  },
};
