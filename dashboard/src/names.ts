// Names of files and paths as they are shown: nothing in them may draw itself or what stands around them in another order.

/** What is not seen, or changes what is: control characters, marks of direction, blanks without width, halves of characters. Joiners stay: Persian and emoji need them. */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u00AD\u061C\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]/gu
/** Letters that are written from right to left. */
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u

const code = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`

/** With everything visible: U+202E as `\u{202E}`. Within elements, `FileName` shows names. */
export const visible = (name: string): string => name.replace(UNSEEN, code)

/** A text that may hold names, such as the daemon's: its lines stay lines. */
export const visibleText = (text: string): string => text.replace(UNSEEN, (character) => (character === '\n' || character === '\t' ? character : code(character)))

/** In a sentence, a title or a label: each part of a path for itself (U+2068, U+2069), where its letters could take others along. */
export const quoted = (name: string): string =>
  visible(name).split('/').map((part) => (RIGHT_TO_LEFT.test(part) ? `\u2068${part}\u2069` : part)).join('/')

/** `dept-2` before `dept-10`. */
export const natural = new Intl.Collator('en', { numeric: true }).compare
