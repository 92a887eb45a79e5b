/** What styles that libraries write need under the page's policy; the daemon puts a fresh one into each answer. */
export function nonce(): string | undefined {
  return document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce || undefined
}
