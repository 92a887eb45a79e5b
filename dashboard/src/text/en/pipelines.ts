/** The page `pipelines`. */
export const pipelines = {}
