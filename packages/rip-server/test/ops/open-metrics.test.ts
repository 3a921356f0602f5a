import { expect, test } from 'bun:test'
import { asOpenMetrics, prefersOpenMetrics } from '../../src/ops/open-metrics.ts'

/** What Prometheus sends since 2.5, since 2.49, and 3. */
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'

test('OpenMetrics is answered to those who would rather have it', () => {
  for (const accept of [
    PROMETHEUS_2,
    PROMETHEUS_3,
    'application/openmetrics-text',
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  ])
    expect(prefersOpenMetrics(accept)).toBe(true)
  for (const accept of [
    '',
    '*/*',
    'text/plain',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'text/plain;version=0.0.4;q=1,application/openmetrics-text;q=0.5',
    'application/openmetrics-text;q=0',
    'application/openmetrics-text;version=2.0.0',
    'application/openmetrics-text-of-others',
  ])
    expect(prefersOpenMetrics(accept)).toBe(false)
})

test('a text of Prometheus becomes one of OpenMetrics', () => {
  const text = [
    '# HELP a_total How "often".',
    '# TYPE a_total counter',
    'a_total{x="y"} 1',
    '# HELP b_info What.',
    '# TYPE b_info gauge',
    'b_info{v="1"} 1',
    '# HELP c_seconds How long.',
    '# TYPE c_seconds histogram',
    'c_seconds_bucket{le="0.5"} 1',
    'c_seconds_bucket{m="le=",le="1"} 1',
    'c_seconds_bucket{le="+Inf"} 1',
    'c_seconds_sum 0.5',
    'c_seconds_count 1',
    '',
    '# HELP d A gauge.',
    '# TYPE d gauge',
    'd 1',
    '',
  ].join('\n')
  expect(asOpenMetrics(text)).toBe(
    [
      String.raw`# HELP a How \"often\".`,
      '# TYPE a counter',
      'a_total{x="y"} 1',
      '# HELP b What.',
      '# TYPE b info',
      'b_info{v="1"} 1',
      '# HELP c_seconds How long.',
      '# TYPE c_seconds histogram',
      'c_seconds_bucket{le="0.5"} 1',
      'c_seconds_bucket{m="le=",le="1.0"} 1',
      'c_seconds_bucket{le="+Inf"} 1',
      'c_seconds_sum 0.5',
      'c_seconds_count 1',
      '# HELP d A gauge.',
      '# TYPE d gauge',
      'd 1',
      '# EOF',
      '',
    ].join('\n'),
  )
})
