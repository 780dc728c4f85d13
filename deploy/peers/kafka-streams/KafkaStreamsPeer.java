import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * The peer in Kafka Streams: weigh, re-key through a repartition topic, aggregate into an in-memory store with a changelog, write scores.
 *
 * <p>Tuned as its documentation says: a record cache with a commit a second, so that a changed user is stored and published once a second;
 * a stream thread per core; larger polls and batches.
 */
public final class KafkaStreamsPeer {
  public static void main(String[] args) {
    Serde<String> users = Serdes.String();
    Serde<byte[]> raw = Serdes.ByteArray();
    Serde<Job.Engagement> engagements =
        Serdes.serdeFrom((topic, value) -> value.bytes(), (topic, bytes) -> Job.Engagement.of(bytes));
    Serde<Job.Row> rows =
        Serdes.serdeFrom((topic, row) -> row == null ? null : row.bytes(), (topic, bytes) -> bytes == null ? null : Job.Row.of(bytes));

    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(Job.EVENTS, Consumed.with(raw, raw))
        .mapValues(Job::weigh)
        .filter((actor, engagement) -> engagement != null)
        .map((actor, engagement) -> KeyValue.pair(engagement.user, engagement))
        .groupByKey(Grouped.with("targets", users, engagements))
        .aggregate(
            Job.Row::new,
            (user, engagement, row) -> {
              row.add(engagement.ts, engagement.weight);
              return row;
            },
            Materialized.<String, Job.Row>as(Stores.inMemoryKeyValueStore("rows"))
                .withKeySerde(users)
                .withValueSerde(rows)
                .withCachingEnabled())
        .toStream()
        .map((user, row) -> KeyValue.pair(user, row.json(user)))
        .to(Job.SCORES, Produced.with(users, raw));

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, Job.APP);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, Job.BROKERS);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, "state");
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Job.CORES);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
    settings.put(
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        Job.EXACTLY_ONCE ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 131_072);

    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
    streams.start();
  }
}
