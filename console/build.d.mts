export function buildConsole(options?: { outDir?: string; minify?: boolean }): Promise<{
  /** Names of the files that are loaded before the first page is whole. */
  readonly firstPage: ReadonlySet<string>;
  readonly scripts: readonly string[];
}>;
