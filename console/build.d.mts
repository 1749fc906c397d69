export function buildConsole(options?: { outDir?: string; minify?: boolean }): Promise<void>;
