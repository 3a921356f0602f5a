export type AccessLogFormat = 'none' | 'text' | 'json'
