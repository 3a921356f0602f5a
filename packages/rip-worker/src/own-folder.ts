/** Folder of this package's code as stacks name it; the stacks of a bundle name the sources. */
export const OWN_FOLDER: string = `${import.meta.dir.replace(/\/bundle(?:\/compiled)?$/, '/src')}/`
