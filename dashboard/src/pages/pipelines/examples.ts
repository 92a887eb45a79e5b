// The text that a new pipeline begins with, from the dialog to the editor.

export const BLANK = `description: ""

watch:
  folder: inbox/NAME

steps:
  - uses: repair

output:
  folder: outbox/NAME
`

/** The same text for another name: its folders are not those of the example. */
export function forName(yaml: string, from: string | undefined, name: string): string {
  const text = yaml.replaceAll('/NAME', `/${name}`)
  if (from === undefined) return text
  const escaped = from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return text.replace(new RegExp(`\\b(inbox|outbox|archive|failed)/${escaped}(?![\\w-])`, 'g'), `$1/${name}`)
}

const aside = new Map<string, string>()
/** Keeps the text until the page of the pipeline asks for it. */
export const putAside = (id: string, yaml: string): void => void aside.set(id, yaml)
export function takeAside(id: string): string | undefined {
  const yaml = aside.get(id)
  aside.delete(id)
  return yaml
}
