/** A look into files. */
export const preview = {
  before: 'Before',
  after: 'After',
  page: 'Page',
  of: (n: number) => `of ${n}`,
  previous: 'Previous page',
  next: 'Next page',
  noPage: (n: number) => `has only ${n === 1 ? '1 page' : `${n} pages`}`,
  image: (page: number, pages: number, name: string) => `Page ${page} of ${pages} of ${name}`,
  loading: 'Drawing the page',
  password: 'It is protected by a password. Download it to open it in a viewer.',
  broken: 'This PDF cannot be drawn',
  unknown: 'There is no preview for this kind of file. Download it to look at it.',
  cut: (size: string) => `Only the first ${size} are shown.`,
  pageText: 'Text of this page',
  noText: 'This page has no text.',
}
