exports.VERSION = '1'
