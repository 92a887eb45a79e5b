/** The page `overview`. */
export const overview = {}
