/** The directory of the virtual environment. */
export declare const venvPath: string;
/** The interpreter in it. It exists once `ensureVenv` has resolved. */
export declare const pythonPath: string;
/** Makes the environment unless it is there already, and resolves with the path of its interpreter. */
export declare function ensureVenv(options?: { log?: (text: string) => void }): Promise<string>;
