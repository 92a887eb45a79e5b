// CodeMirror as pipelines are written in it: YAML, completion and hover by the schema, faults of the daemon's checker.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language'
import { lintGutter, lintKeymap, type Diagnostic } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { EditorState, type Extension, type Text } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from '@codemirror/view'
import type { FaultView } from '@/generated/api'
import { nonce } from '@/nonce'
import type { Schema } from '@/schema/schema'
import { text } from '@/text'
import { placeAt, type Place } from './place'
import { meaning, suggestions } from './suggest'
import { insideTemplate, stepsAbove, templateMeaning, templateSuggestions } from './template'
import { theme } from './theme'

function place(document: Text, position: number): { place: Place; lineFrom: number } | undefined {
  const line = document.lineAt(position)
  const found = placeAt(document.toJSON(), line.number - 1, position - line.from)
  return found && { place: found, lineFrom: line.from }
}

function complete(schema: () => Schema | undefined) {
  return (context: CompletionContext): CompletionResult | null => {
    const root = schema()
    const found = place(context.state.doc, context.pos)
    if (!root || !found || (!context.explicit && found.place.typed === '' && found.place.role === 'key' && found.place.path.length === 0)) return null
    const template = insideTemplate(found.place)
    const from = found.lineFrom + (template?.from ?? found.place.from)
    const offered = template ? templateSuggestions(template, found.place, root, stepsAbove(context.state.doc.toJSON(), context.state.doc.lineAt(context.pos).number - 1, found.place)) : suggestions(found.place, root)
    const options = offered.map(({ label, insert, detail, about, boost, type, more }) => ({
      label,
      type,
      boost,
      ...(detail === undefined ? {} : { detail }),
      ...(about === undefined || about === detail ? {} : { info: () => said(about) }),
      apply: (view: EditorView, _: unknown, start: number, end: number) => {
        // Where the key is there already only its name is exchanged.
        const rest = view.state.doc.lineAt(end)
        const known = /^\s*:/.test(view.state.sliceDoc(end, rest.to))
        const words = known ? label : insert
        view.dispatch({ changes: { from: start, to: end, insert: words }, selection: { anchor: start + words.length }, userEvent: 'input.complete' })
        if (more && !known) startCompletion(view)
      },
    }))
    return options.length === 0 ? null : { from, options, validFor: /^[\w./-]*$/ }
  }
}

function hover(schema: () => Schema | undefined): Extension {
  return hoverTooltip((view, position) => {
    const root = schema()
    const word = view.state.wordAt(position)
    if (!root || !word) return null
    const line = view.state.doc.lineAt(position)
    const inside = place(view.state.doc, word.to)
    const template = inside && insideTemplate(inside.place)
    if (template) {
      const said = templateMeaning(template, inside.place, root)
      return said ? { pos: word.from, end: word.to, above: true, create: () => ({ dom: tooltip(said) }) } : null
    }
    // A hyphen belongs to the word: `stamp-text`.
    let { from, to } = word
    while (from > line.from && /[\w./-]/.test(view.state.sliceDoc(from - 1, from))) from -= 1
    while (to < line.to && /[\w./-]/.test(view.state.sliceDoc(to, to + 1))) to += 1
    const found = place(view.state.doc, to)
    const known = found && meaning(found.place, view.state.sliceDoc(from, to), root)
    if (!known || (known.about === '' && known.kind === '')) return null
    return { pos: from, end: to, above: true, create: () => ({ dom: tooltip(known) }) }
  })
}

/** A text of the schema, what stands between backticks as code. */
function said(about: string): HTMLElement {
  const dom = document.createElement('div')
  for (const [index, piece] of about.split('`').entries()) {
    if (index % 2 === 1) dom.appendChild(document.createElement('code')).textContent = piece
    else dom.append(piece)
  }
  return dom
}

function tooltip(word: NonNullable<ReturnType<typeof meaning>>): HTMLElement {
  const dom = document.createElement('div')
  dom.className = 'cm-meaning'
  const head = dom.appendChild(document.createElement('div'))
  head.appendChild(document.createElement('code')).textContent = word.name
  const kind = head.appendChild(document.createElement('span'))
  kind.className = 'kind'
  kind.textContent = [word.kind && ` ${word.kind}`, word.fallback !== undefined && text.pipelines.editor.fallback(word.fallback)].filter(Boolean).join(', ')
  if (word.about) dom.append(said(word.about))
  return dom
}

/** The faults of the checker as the editor marks them: from their place to the end of the word there. */
export function diagnostics(document: Text, faults: readonly FaultView[]): Diagnostic[] {
  return faults.map(({ line, column, message, hint }) => {
    const at = document.line(Math.min(Math.max(1, line), document.lines))
    const from = Math.min(at.from + Math.max(0, column - 1), at.to)
    const word = /^("[^"]*"|'[^']*'|[^\s:,[\]{}#]+)/.exec(document.sliceString(from, at.to))?.[0] ?? ''
    return { from, to: Math.min(at.to, from + Math.max(1, word.length)), severity: 'error', message: hint ? `${message}\n${hint}` : message }
  })
}

/** What editors and comparisons share. */
export function basics(label: string): Extension {
  const own = nonce()
  return [yaml(), theme, lineNumbers(), EditorView.lineWrapping, EditorState.tabSize.of(2), indentUnit.of('  '), EditorView.contentAttributes.of({ 'aria-label': label }), own === undefined ? [] : EditorView.cspNonce.of(own)]
}

/** Everything for writing. Escape and then Tab leaves the editor by keyboard. */
export function writing(label: string, schema: () => Schema | undefined, save: () => void): Extension {
  return [
    basics(label),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    lintGutter(),
    autocompletion({ override: [complete(schema)], icons: false }),
    hover(schema),
    keymap.of([
      { key: 'Mod-s', preventDefault: true, run: () => (save(), true) },
      ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap, indentWithTab,
    ]),
  ]
}
