/** The path of a program in an environment. It exists once `ensureVenv` has resolved. */
export declare function programOf(folder: string, name: string): string;
