/** Module that compiled schemas come from; the loader knows where it is. */
export const SCHEMA_MODULE = '@rip/schema/runtime'
