/** The page `operations`. */
export const operations = {}
