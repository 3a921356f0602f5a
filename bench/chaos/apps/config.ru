# The application of the chaos run for Rack servers: the same routes as app.ts beside it.
require 'digest'
require 'json'
require_relative 'version'

class Lines
  def each
    10.times do |n|
      yield "#{n}\n"
      sleep 0.1 if n < 9
    end
  end
end

run lambda { |env|
  case env['PATH_INFO']
  when '/stream' then [200, { 'Content-Type' => 'text/plain' }, Lines.new]
  when '/echo' then [200, { 'Content-Type' => 'text/plain' }, [Digest::SHA1.hexdigest(env['rack.input'].read)]]
  else [200, { 'Content-Type' => 'application/json' }, [{ version: VERSION, pid: Process.pid }.to_json]]
  end
}
