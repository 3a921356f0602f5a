/** The module from which compiled code imports schemas; the loader resolves it. */
export const SCHEMA_MODULE = '@rip/schema/runtime'
