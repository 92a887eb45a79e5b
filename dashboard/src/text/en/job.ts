/** The page `job`. */
export const job = {}
