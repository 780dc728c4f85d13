import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The peer in Flink: job manager and workers in one JVM. Weigh in the source, re-key with Flink's own shuffle (no Kafka topic), heap
 * state with checkpoints in a local folder, scores out at most once a second and user.
 *
 * <p>Tuned as its documentation says: heap state (it fits), object reuse, tuples instead of generic types, a slot per core, lingering sink.
 */
public final class FlinkPeer {
  private static final TypeInformation<Tuple3<String, Long, Double>> ENGAGEMENT = TypeInformation.of(new TypeHint<>() {});
  private static final TypeInformation<Tuple2<String, byte[]>> SCORE = TypeInformation.of(new TypeHint<>() {});

  public static void main(String[] args) throws Exception {
    Configuration settings = new Configuration();
    settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
    settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, java.nio.file.Path.of("checkpoints").toUri().toString());
    // exactly-once output appears with its checkpoint, so that one must come as often as the others publish
    settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(Job.EXACTLY_ONCE ? 1 : 10));
    settings.set(PipelineOptions.OBJECT_REUSE, true);
    settings.set(ExecutionOptions.BUFFER_TIMEOUT, Duration.ofMillis(100));
    settings.set(TaskManagerOptions.NUM_TASK_SLOTS, Job.CORES);
    settings.set(JobManagerOptions.BIND_HOST, "127.0.0.1");
    settings.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
    settings.set(RestOptions.ADDRESS, "127.0.0.1");
    settings.set(RestOptions.BIND_PORT, "0");

    KafkaSource<Tuple3<String, Long, Double>> events =
        KafkaSource.<Tuple3<String, Long, Double>>builder()
            .setBootstrapServers(Job.BROKERS)
            .setTopics(Job.EVENTS)
            .setGroupId(Job.APP)
            .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
            .setDeserializer(new Weigh())
            .setProperty("max.poll.records", "5000")
            .build();
    KafkaSink<Tuple2<String, byte[]>> scores =
        KafkaSink.<Tuple2<String, byte[]>>builder()
            .setBootstrapServers(Job.BROKERS)
            .setRecordSerializer(new Write())
            .setDeliveryGuarantee(Job.EXACTLY_ONCE ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE)
            .setTransactionalIdPrefix(Job.APP)
            .setProperty("linger.ms", "50")
            .setProperty("batch.size", "131072")
            .setProperty("transaction.timeout.ms", "60000")
            .build();

    StreamExecutionEnvironment flow = StreamExecutionEnvironment.createLocalEnvironment(Job.CORES, settings);
    flow.fromSource(events, WatermarkStrategy.noWatermarks(), "events", ENGAGEMENT)
        .keyBy(engagement -> engagement.f0)
        .process(new Fold())
        .returns(SCORE)
        .sinkTo(scores);
    flow.execute(Job.APP);
  }

  /** An event's bytes to (user, ts, weight). */
  static final class Weigh implements KafkaRecordDeserializationSchema<Tuple3<String, Long, Double>> {
    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Tuple3<String, Long, Double>> out) {
      Job.Engagement made = Job.weigh(record.value());
      if (made != null) {
        out.collect(Tuple3.of(made.user, made.ts, made.weight));
      }
    }

    @Override
    public TypeInformation<Tuple3<String, Long, Double>> getProducedType() {
      return ENGAGEMENT;
    }
  }

  /** A user's row; a timer at the next whole second publishes what changed. */
  static final class Fold extends KeyedProcessFunction<String, Tuple3<String, Long, Double>, Tuple2<String, byte[]>> {
    private transient ValueState<Job.Row> rows;

    @Override
    public void open(OpenContext context) {
      rows = getRuntimeContext().getState(new ValueStateDescriptor<>("rows", Job.Row.class));
    }

    @Override
    public void processElement(Tuple3<String, Long, Double> engagement, Context context, Collector<Tuple2<String, byte[]>> out)
        throws Exception {
      Job.Row row = rows.value();
      if (row == null) {
        row = new Job.Row();
      }
      row.add(engagement.f1, engagement.f2);
      if (!row.due) {
        row.due = true;
        context.timerService().registerProcessingTimeTimer((System.currentTimeMillis() / 1000 + 1) * 1000);
      }
      rows.update(row);
    }

    @Override
    public void onTimer(long at, OnTimerContext context, Collector<Tuple2<String, byte[]>> out) throws Exception {
      Job.Row row = rows.value();
      row.due = false;
      rows.update(row);
      out.collect(Tuple2.of(context.getCurrentKey(), row.json(context.getCurrentKey())));
    }
  }

  /** To the record in `scores`. */
  static final class Write implements KafkaRecordSerializationSchema<Tuple2<String, byte[]>> {
    @Override
    public ProducerRecord<byte[], byte[]> serialize(Tuple2<String, byte[]> score, KafkaSinkContext context, Long at) {
      return new ProducerRecord<>(Job.SCORES, score.f0.getBytes(StandardCharsets.UTF_8), score.f1);
    }
  }
}
