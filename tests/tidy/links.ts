import { posix } from "node:path";
import { exists, lineAt, textOf } from "./sources.ts";

/** The text with code fences blanked out, so that positions stay the same. */
function withoutFences(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, (fence) => fence.replaceAll(/[^\n]/g, " "));
}

function withoutCode(text: string): string {
  return withoutFences(text).replaceAll(/`[^`\n]*`/g, (code) => " ".repeat(code.length));
}

/** The anchors that a page's headings get where it is shown. */
function anchorsOf(path: string): Set<string> {
  const headings = withoutFences(textOf(path)).matchAll(/^#{1,6} +(.+)$/gm);
  const slug = (heading: string): string =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
  return new Set([...headings].map((match) => slug(match[1] ?? "")));
}

/** Relative links of a document whose file or heading does not exist. */
export function brokenLinks(path: string): string[] {
  const text = withoutCode(textOf(path));
  return [...text.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].flatMap((match) => {
    const link = match[1] ?? "";
    if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : posix.join(posix.dirname(path), decodeURI(file));
    const at = `${path}:${lineAt(text, match.index)}`;
    if (!exists(target)) return `${at}: ${link} leads nowhere; correct or remove it`;
    if (anchor === undefined || !target.endsWith(".md") || anchorsOf(target).has(anchor)) return [];
    return `${at}: ${target} has no heading #${anchor}; correct the link`;
  });
}

/** Paths into the repository that a document names in code marks and that do not exist. */
export function unknownPaths(path: string): string[] {
  const text = withoutFences(textOf(path));
  const named = /`((?:src|tests|docs|scripts|bench|examples|console|bin)\/[\w./-]+)`/g;
  return [...text.matchAll(named)]
    .filter((match) => !exists(match[1] ?? ""))
    .map(
      (match) =>
        `${path}:${lineAt(text, match.index)}: there is no ${match[1]}; name what there is`,
    );
}
