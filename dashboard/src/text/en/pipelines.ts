/** The pages of the pipelines. */
export const pipelines = {
  documents: 'Documents',
}
