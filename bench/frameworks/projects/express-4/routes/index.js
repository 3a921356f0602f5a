var express = require('express')
var router = express.Router()

router.get('/', function (req, res) {
  res.send('<h1>Hello Express 4</h1>')
})

module.exports = router
