/** Without what a terminal would obey: control characters, and those that turn the direction. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, "·");
}
