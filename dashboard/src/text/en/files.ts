/** The page `files`. */
export const files = {}
