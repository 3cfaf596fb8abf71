/// Certificates for tests of TLS, all signed by ``root`` and good from 2020 to 2120 where nothing
/// else is said, and the keys of those that servers show. Nobody outside of tests trusts them.
///
/// Each was made with `openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8
/// -nocrypt`, `openssl req -new` and `openssl ca -startdate … -enddate …`, with the names in
/// `subjectAltName` and `extendedKeyUsage=serverAuth`.
package struct TestCertificate: Sendable {
  package let certificate: String
  package let key: String

  /// Whoever is meant to be trusted in a test.
  package static let root = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIBajCCARCgAwIBAgICEAAwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQU2tlcnJ5
      IHRlc3Qgcm9vdDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowGzEZ
      MBcGA1UEAwwQU2tlcnJ5IHRlc3Qgcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
      A0IABEK7ZijrJVSxlBu1bQg5Hhthyu0F1w9n/rJKZrbSjQQyKa/eia8fhyOIdwGM
      Ihd++vF0F5U+LffKwQYZdgNp4UCjQjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0P
      AQH/BAQDAgIEMB0GA1UdDgQWBBSBS7+pMoS07gHbjRUoQJ1AoEU9sTAKBggqhkjO
      PQQDAgNIADBFAiBrO3MYacFRfALxiU09REuQtVPURIi75SvNW7bQyNQZ8QIhAPi1
      fyteq2r3ESrUQJ9WxjDOfYAlN3UyhcdEstbCD302
      -----END CERTIFICATE-----

      """,
    key: "")

  /// For localhost, 127.0.0.1 and ::1, from 2020 to 2120.
  package static let local = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIBxjCCAWygAwIBAgICEAEwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQU2tlcnJ5
      IHRlc3Qgcm9vdDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDES
      MBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcdI8
      vmvgIn4FZilZ3b/7tZLLkscIcpjAL8nR4MwIXuJU8Skw0URExmbrrAJOLmpXtDPL
      zdpfF7DYqrNoIXqSr6OBpDCBoTAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIH
      gDATBgNVHSUEDDAKBggrBgEFBQcDATAsBgNVHREEJTAjgglsb2NhbGhvc3SHBH8A
      AAGHEAAAAAAAAAAAAAAAAAAAAAEwHQYDVR0OBBYEFNVKOWTP7RfdpBoSGPO0cicx
      QOL0MB8GA1UdIwQYMBaAFIFLv6kyhLTuAduNFShAnUCgRT2xMAoGCCqGSM49BAMC
      A0gAMEUCIG8uuUbpO8/QOTrGOrC2rOWvWAmnsTBYHkiNa3qVbHYwAiEAxRp058Q8
      ZRNjGFMhppdRh9vhNSV/kdNJiEH5E9VM5/8=
      -----END CERTIFICATE-----

      """,
    key: """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeQOzJxrEYNPpeHxE
      Z4YYm1b6MIFXJi9F8A+YRYvcXXGhRANCAARx0jy+a+AifgVmKVndv/u1ksuSxwhy
      mMAvydHgzAhe4lTxKTDRRETGZuusAk4uale0M8vN2l8XsNiqs2ghepKv
      -----END PRIVATE KEY-----

      """)

  /// The same until 2119, with another key.
  package static let renewed = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIBxjCCAWygAwIBAgICEAIwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQU2tlcnJ5
      IHRlc3Qgcm9vdDAgFw0yMDAxMDEwMDAwMDBaGA8yMTE5MDEwMTAwMDAwMFowFDES
      MBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEemUf
      +gqVngv0tBWbGfAhwAxM7w2/bu9tumeO5OSbQF0JTRCymImT1leGQETwwjCbt8ZA
      /oDOCN9tDaY6c7yp8KOBpDCBoTAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIH
      gDATBgNVHSUEDDAKBggrBgEFBQcDATAsBgNVHREEJTAjgglsb2NhbGhvc3SHBH8A
      AAGHEAAAAAAAAAAAAAAAAAAAAAEwHQYDVR0OBBYEFGxaQZ0QmVcC0VbMeL+tYfqC
      WiE6MB8GA1UdIwQYMBaAFIFLv6kyhLTuAduNFShAnUCgRT2xMAoGCCqGSM49BAMC
      A0gAMEUCIQCQ2hbKL5BN8uE2rklxpnEujn0Zd60eXCPYn/UF48OHhgIgO7W96W1a
      HvX+2QekNx+ox4OpTaVCVPLzo8qdxFxqnvc=
      -----END CERTIFICATE-----

      """,
    key: """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF+f4oTRfduhc/Syv
      ODFiv3luwXbsk2Xk0Yy93i3PcmqhRANCAAR6ZR/6CpWeC/S0FZsZ8CHADEzvDb9u
      7226Z47k5JtAXQlNELKYiZPWV4ZARPDCMJu3xkD+gM4I320NpjpzvKnw
      -----END PRIVATE KEY-----

      """)

  /// For relay.example only.
  package static let elsewhere = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIBtjCCAVygAwIBAgICEAMwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQU2tlcnJ5
      IHRlc3Qgcm9vdDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowGDEW
      MBQGA1UEAwwNcmVsYXkuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
      BCYuf28+COhvXw7NY6o8xtQtqX3C+RfJLCKFd7m8JLUlktoyB6r5GiTrij4ahMP0
      LgpLKY8VU+TwtFph7hq4f++jgZAwgY0wDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8E
      BAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwEwGAYDVR0RBBEwD4INcmVsYXkuZXhh
      bXBsZTAdBgNVHQ4EFgQUWlfTv8bUTc29cMhM5qX8JLI9rYwwHwYDVR0jBBgwFoAU
      gUu/qTKEtO4B240VKECdQKBFPbEwCgYIKoZIzj0EAwIDSAAwRQIhAKN0snI9VkTi
      jmwKv9NpPDA1e5i4Ms8MsWE5W8ggWZsBAiBeMNRCVR0P8/897Rk+luWSYSUrNDoU
      7EbkCGR39riNeA==
      -----END CERTIFICATE-----

      """,
    key: """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgj3lk19j70uHp/iKJ
      jRyVOVXUNGE4JT8k5dWJjdC0S7+hRANCAAQmLn9vPgjob18OzWOqPMbULal9wvkX
      ySwihXe5vCS1JZLaMgeq+Rok64o+GoTD9C4KSymPFVPk8LRaYe4auH/v
      -----END PRIVATE KEY-----

      """)

  /// For localhost, until 2020.
  package static let expired = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIBxDCCAWqgAwIBAgICEAQwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQU2tlcnJ5
      IHRlc3Qgcm9vdDAeFw0xOTAxMDEwMDAwMDBaFw0yMDAxMDEwMDAwMDBaMBQxEjAQ
      BgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIpPCKKR
      ABZF0+XQSGuOqEMDL1HrXLDCvz55NaotRWbMSlhyU2wo8XabmNkfElEXEwvRdTxl
      zoBzasDEOiDQXZOjgaQwgaEwDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4Aw
      EwYDVR0lBAwwCgYIKwYBBQUHAwEwLAYDVR0RBCUwI4IJbG9jYWxob3N0hwR/AAAB
      hxAAAAAAAAAAAAAAAAAAAAABMB0GA1UdDgQWBBRdy/LwZgpbCkeRUMeabbiMbJEi
      AjAfBgNVHSMEGDAWgBSBS7+pMoS07gHbjRUoQJ1AoEU9sTAKBggqhkjOPQQDAgNI
      ADBFAiEA0LjArtETyRPvU7mEbrGViVbifdZDDUYywjkV8zJtoaICIAXEj2B6ds/D
      HcCZKz1P9D8n0pfxbSnxBtTyqQNe7mOS
      -----END CERTIFICATE-----

      """,
    key: """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaKGzyMYHTl3VRyWw
      /Khmg5XOWto5UADHOA9QdABgocahRANCAASKTwiikQAWRdPl0EhrjqhDAy9R61yw
      wr8+eTWqLUVmzEpYclNsKPF2m5jZHxJRFxML0XU8Zc6Ac2rAxDog0F2T
      -----END PRIVATE KEY-----

      """)

  /// For localhost, from 2119.
  package static let early = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIByDCCAW6gAwIBAgICEAUwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQU2tlcnJ5
      IHRlc3Qgcm9vdDAiGA8yMTE5MDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAU
      MRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQZ
      0DfpFdzTiW7iT3/qQeDF8XT7GzG0E8WErVzMTmdQFRS+A1CxzZdQspeFIj+Lz10X
      7pF4/ahfCveTH0+Kt0a/o4GkMIGhMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQD
      AgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMCwGA1UdEQQlMCOCCWxvY2FsaG9zdIcE
      fwAAAYcQAAAAAAAAAAAAAAAAAAAAATAdBgNVHQ4EFgQUkoW+lhQMIBz1+5tGJTSe
      xK6oWWMwHwYDVR0jBBgwFoAUgUu/qTKEtO4B240VKECdQKBFPbEwCgYIKoZIzj0E
      AwIDSAAwRQIgVoG5W4As6S0pTcACnibMqnQh/3gjcqQXwoC+eM2BdrcCIQCf5e8d
      1FniqllQ1rCemJFuPZl9XLrXEtXOmIwzW+kasA==
      -----END CERTIFICATE-----

      """,
    key: """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgORZmIDsXQHfoAxhi
      5VWqmst4gWYkXTRmiLtp9W2rfTOhRANCAAQZ0DfpFdzTiW7iT3/qQeDF8XT7GzG0
      E8WErVzMTmdQFRS+A1CxzZdQspeFIj+Lz10X7pF4/ahfCveTH0+Kt0a/
      -----END PRIVATE KEY-----

      """)

  /// Writes both as files of a folder, in the place of those that were there.
  package func write(
    to folder: TemporaryFolder, as name: String
  ) -> (certificate: String, key: String) {
    for (file, text) in [("\(name).pem", certificate), ("\(name).key", key)] {
      folder.truncate(file, to: 0)
      folder.write(Array(text.utf8), to: file)
    }
    return (folder.file("\(name).pem"), folder.file("\(name).key"))
  }
}
