/** The page `drop`. */
export const drop = {}
