/** An element as it will be written: text, or elements in the order in which they stand. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: string | readonly XmlElement[];
}

type Content = string | readonly (XmlElement | undefined)[] | undefined;

/** Undefined where there is nothing in it: no document that we write has empty elements. */
export function element(
  name: string,
  content: Content,
  attributes: Readonly<Record<string, string | undefined>> = {},
): XmlElement | undefined {
  const filled = typeof content === "object" ? content.filter((one) => one !== undefined) : content;
  if (filled === undefined || filled.length === 0) return undefined;
  const given = Object.entries(attributes).filter((one): one is [string, string] => {
    return one[1] !== undefined;
  });
  return { name, attributes: Object.fromEntries(given), content: filled };
}

/** A document of XML 1.0 in UTF-8, indented. */
export function xmlDocument(root: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${written(root, "")}`;
}

function written({ name, attributes, content }: XmlElement, indent: string): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`);
  const open = `${indent}<${name}${pairs.join("")}>`;
  if (typeof content === "string") return `${open}${escaped(content)}</${name}>\n`;
  const inside = content.map((one) => written(one, `${indent}  `)).join("");
  return `${open}\n${inside}${indent}</${name}>\n`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;", // XML 1.0 §2.4: `]]>` may not stand in text
  '"': "&quot;",
  "\r": "&#13;", // §2.11: a parser would read a line feed
};

/** What XML 1.0 §2.2 has no way to write at all becomes U+FFFD: it is somebody's title. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll(/[&<>"\r]/g, (char) => entities[char] ?? char);
}
