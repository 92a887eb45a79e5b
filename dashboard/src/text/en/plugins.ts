/** The page `plugins`. */
export const plugins = {}
